//! EVMC 12 from the host's side, as far as the fuzzer needs it (src/computing/evmc/evmc_abi.h).
use super::program::Profile;
use libloading::Library;
use std::ffi::{c_char, c_int, c_void, CStr};

pub type Word = [u8; 32];
pub type Addr = [u8; 20];

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CWord(pub Word);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CAddr(pub Addr);

pub const CALL: c_int = 0;
pub const CREATE: c_int = 3;
pub const CREATE2: c_int = 4;
pub const STATIC: u32 = 1;

pub const SUCCESS: c_int = 0;
pub const FAILURE: c_int = 1;
pub const REVERT: c_int = 2;
pub const OUT_OF_GAS: c_int = 3;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Message {
    pub kind: c_int,
    pub flags: u32,
    pub depth: i32,
    pub gas: i64,
    pub recipient: CAddr,
    pub sender: CAddr,
    pub input: *const u8,
    pub input_size: usize,
    pub value: CWord,
    pub salt: CWord,
    pub code_address: CAddr,
    pub code: *const u8,
    pub code_size: usize,
}

#[repr(C)]
pub struct TxContext {
    pub gas_price: CWord,
    pub origin: CAddr,
    pub coinbase: CAddr,
    pub number: i64,
    pub timestamp: i64,
    pub gas_limit: i64,
    pub prev_randao: CWord,
    pub chain_id: CWord,
    pub base_fee: CWord,
    pub blob_base_fee: CWord,
    pub blob_hashes: *const CWord,
    pub blob_hashes_count: usize,
    pub initcodes: *const c_void,
    pub initcodes_count: usize,
}

#[repr(C)]
pub struct RawResult {
    pub status: c_int,
    pub gas_left: i64,
    pub gas_refund: i64,
    pub output: *const u8,
    pub output_size: usize,
    pub release: Option<unsafe extern "C" fn(*const RawResult)>,
    pub create_address: CAddr,
    pub padding: [u8; 4],
}

/// A result with its output copied.
pub struct Outcome {
    pub status: c_int,
    pub gas_left: i64,
    pub gas_refund: i64,
    pub output: Vec<u8>,
    pub created: Addr,
}

impl Outcome {
    pub fn new(status: c_int, gas_left: i64) -> Outcome {
        Outcome {
            status,
            gas_left,
            gas_refund: 0,
            output: Vec::new(),
            created: [0; 20],
        }
    }

    /// For the VM: the output becomes memory that release gives back.
    pub fn into_raw(self) -> RawResult {
        unsafe extern "C" fn release(r: *const RawResult) {
            unsafe {
                let bytes =
                    std::ptr::slice_from_raw_parts_mut((*r).output.cast_mut(), (*r).output_size);
                drop(Box::from_raw(bytes));
            }
        }
        let size = self.output.len();
        let owned = size > 0;
        RawResult {
            status: self.status,
            gas_left: self.gas_left,
            gas_refund: self.gas_refund,
            output: if owned {
                Box::into_raw(self.output.into_boxed_slice()) as *const u8
            } else {
                std::ptr::null()
            },
            output_size: size,
            release: owned.then_some(release),
            create_address: CAddr(self.created),
            padding: [0; 4],
        }
    }
}

pub enum Ctx {}
type A = *const CAddr;
type W = *const CWord;

#[repr(C)]
pub struct Interface {
    pub account_exists: extern "C" fn(*mut Ctx, A) -> bool,
    pub get_storage: extern "C" fn(*mut Ctx, A, W) -> CWord,
    pub set_storage: extern "C" fn(*mut Ctx, A, W, W) -> c_int,
    pub get_balance: extern "C" fn(*mut Ctx, A) -> CWord,
    pub get_code_size: extern "C" fn(*mut Ctx, A) -> usize,
    pub get_code_hash: extern "C" fn(*mut Ctx, A) -> CWord,
    pub copy_code: extern "C" fn(*mut Ctx, A, usize, *mut u8, usize) -> usize,
    pub selfdestruct: extern "C" fn(*mut Ctx, A, A) -> bool,
    pub call: extern "C" fn(*mut Ctx, *const Message) -> RawResult,
    pub get_tx_context: extern "C" fn(*mut Ctx) -> TxContext,
    pub get_block_hash: extern "C" fn(*mut Ctx, i64) -> CWord,
    pub emit_log: extern "C" fn(*mut Ctx, A, *const u8, usize, W, usize),
    pub access_account: extern "C" fn(*mut Ctx, A) -> c_int,
    pub access_storage: extern "C" fn(*mut Ctx, A, W) -> c_int,
    pub get_transient: extern "C" fn(*mut Ctx, A, W) -> CWord,
    pub set_transient: extern "C" fn(*mut Ctx, A, W, W),
}

#[repr(C)]
struct RawVm {
    abi_version: c_int,
    name: *const c_char,
    version: *const c_char,
    destroy: unsafe extern "C" fn(*mut RawVm),
    execute: unsafe extern "C" fn(
        *mut RawVm,
        *const Interface,
        *mut Ctx,
        c_int,
        *const Message,
        *const u8,
        usize,
    ) -> RawResult,
    get_capabilities: unsafe extern "C" fn(*mut RawVm) -> u32,
    set_option: Option<unsafe extern "C" fn(*mut RawVm, *const c_char, *const c_char) -> c_int>,
}

pub struct Vm {
    raw: *mut RawVm,
    _library: Library,
}

impl Vm {
    pub fn load(path: &str, profile: Profile) -> Result<Vm, String> {
        unsafe {
            let library = Library::new(path).map_err(|e| format!("{path}: {e}"))?;
            let create = library
                .get::<unsafe extern "C" fn() -> *mut RawVm>(b"evmc_create_cbcos")
                .map_err(|e| format!("{path}: {e}"))?;
            let raw = create();
            if raw.is_null() || (*raw).abi_version != 12 {
                return Err(format!("{path}: no EVMC 12 VM"));
            }
            let option = (*raw).set_option.ok_or(format!("{path}: no options"))?;
            let profile = match profile {
                Profile::Ethereum => c"ethereum",
                Profile::Fisco => c"fisco",
            };
            for (name, value) in [(c"precompiles", c"on"), (c"profile", profile)] {
                if option(raw, name.as_ptr(), value.as_ptr()) != 0 {
                    return Err(format!("{path}: refuses {name:?} = {value:?}"));
                }
            }
            Ok(Vm {
                raw,
                _library: library,
            })
        }
    }

    pub fn name(&self) -> String {
        unsafe {
            let text = |p| CStr::from_ptr(p).to_string_lossy().to_string();
            format!("{} {}", text((*self.raw).name), text((*self.raw).version))
        }
    }

    pub fn execute(
        &self,
        host: &Interface,
        ctx: *mut Ctx,
        rev: c_int,
        msg: &Message,
        code: &[u8],
    ) -> Outcome {
        unsafe {
            let r = ((*self.raw).execute)(self.raw, host, ctx, rev, msg, code.as_ptr(), code.len());
            let output = match r.output_size {
                0 => Vec::new(),
                n => std::slice::from_raw_parts(r.output, n).to_vec(),
            };
            if let Some(release) = r.release {
                release(&r);
            }
            Outcome {
                status: r.status,
                gas_left: r.gas_left,
                gas_refund: r.gas_refund,
                output,
                created: r.create_address.0,
            }
        }
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        unsafe { ((*self.raw).destroy)(self.raw) }
    }
}
