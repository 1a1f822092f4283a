//! Our EVM by the plain calls of world.h.
use libloading::{Library, Symbol};
use std::ffi::{c_int, c_uint, c_void};

#[repr(C)]
struct RawResult {
    status: c_int,
    gas_used: i64,
    gas_refund: i64,
    output: *const u8,
    output_n: usize,
    logs: usize,
}

type New = unsafe extern "C" fn(c_int) -> *mut c_void;
type Free = unsafe extern "C" fn(*mut c_void);
type Account = unsafe extern "C" fn(*mut c_void, *const u8, *const u8, usize) -> bool;
type Run = unsafe extern "C" fn(*mut c_void, *const u8, *const u8, usize, i64, *mut RawResult);
type Precompile =
    unsafe extern "C" fn(c_uint, *const u8, usize, *mut u8, usize, *mut usize) -> bool;

pub const CANCUN: c_int = 12;

pub struct Ours {
    account: Account,
    run: Run,
    free: Free,
    precompile: Precompile,
    world: *mut c_void,
    _library: Library,
}

pub struct Outcome {
    pub status: i32,
    pub gas_used: u64,
    pub output: Vec<u8>,
    pub logs: usize,
}

impl Ours {
    pub fn new(path: &str) -> Result<Ours, String> {
        unsafe fn get<T: Copy>(library: &Library, name: &str) -> Result<T, String> {
            let symbol: Symbol<T> =
                unsafe { library.get(name.as_bytes()) }.map_err(|e| format!("{name}: {e}"))?;
            Ok(*symbol)
        }
        unsafe {
            let library = Library::new(path).map_err(|e| format!("{path}: {e}"))?;
            let new: New = get(&library, "bench_world_new")?;
            let world = new(CANCUN);
            if world.is_null() {
                return Err("no memory for a world".into());
            }
            Ok(Ours {
                account: get(&library, "bench_world_account")?,
                run: get(&library, "bench_world_run")?,
                free: get(&library, "bench_world_free")?,
                precompile: get(&library, "bench_precompile")?,
                world,
                _library: library,
            })
        }
    }

    pub fn account(&mut self, address: &[u8; 20], code: &[u8]) {
        let ok = unsafe { (self.account)(self.world, address.as_ptr(), code.as_ptr(), code.len()) };
        assert!(ok, "the world takes no more accounts");
    }

    fn raw(&mut self, to: &[u8; 20], input: &[u8], gas: i64) -> RawResult {
        let mut r = RawResult {
            status: 0,
            gas_used: 0,
            gas_refund: 0,
            output: std::ptr::null(),
            output_n: 0,
            logs: 0,
        };
        unsafe {
            (self.run)(
                self.world,
                to.as_ptr(),
                input.as_ptr(),
                input.len(),
                gas,
                &mut r,
            )
        };
        r
    }

    /// Runs and drops the answer: what is measured.
    pub fn spin(&mut self, to: &[u8; 20], input: &[u8], gas: i64) {
        std::hint::black_box(self.raw(to, input, gas).gas_used);
    }

    pub fn run(&mut self, to: &[u8; 20], input: &[u8], gas: i64) -> Outcome {
        let r = self.raw(to, input, gas);
        let output = match r.output_n {
            0 => Vec::new(),
            n => unsafe { std::slice::from_raw_parts(r.output, n) }.to_vec(),
        };
        Outcome {
            status: r.status,
            gas_used: r.gas_used as u64,
            output,
            logs: r.logs,
        }
    }

    /// One of the contracts 1..9; None: it refused its input.
    pub fn precompile(&self, number: u32, input: &[u8]) -> Option<Vec<u8>> {
        let mut out = [0u8; 256];
        let mut n = 0;
        let ok = unsafe {
            (self.precompile)(
                number,
                input.as_ptr(),
                input.len(),
                out.as_mut_ptr(),
                out.len(),
                &mut n,
            )
        };
        ok.then(|| out[..n].to_vec())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        unsafe { (self.free)(self.world) }
    }
}
