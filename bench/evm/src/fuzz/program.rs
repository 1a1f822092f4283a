//! From a seed: accounts with code that mostly runs, and a transaction to them.
use super::evmc::{Addr, Word};
use super::host::{last, CANCUN, ISTANBUL, LONDON, PARIS, SHANGHAI};
use revm::primitives::U256;
use std::collections::BTreeMap;
use std::ffi::c_int;
use std::rc::Rc;

#[derive(Clone, Default)]
pub struct Account {
    pub balance: U256,
    pub nonce: u64,
    pub code: Rc<Vec<u8>>,
    pub storage: Vec<(Word, Word)>, // before the transaction
}

impl Account {
    pub fn is_empty(&self) -> bool {
        self.balance.is_zero() && self.nonce == 0 && self.code.is_empty()
    }
}

/// By whose rules a transaction is executed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    Ethereum,
    Fisco,
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Profile::Ethereum => "ethereum",
            Profile::Fisco => "fisco",
        })
    }
}

pub struct Test {
    pub profile: Profile,
    pub rev: c_int,
    pub accounts: BTreeMap<Addr, Account>,
    pub to: Option<Addr>, // None: the input is init code
    pub input: Vec<u8>,
    pub value: u64,
    pub gas: u64,
}

impl Test {
    /// What the transaction costs before its first instruction.
    pub fn intrinsic(&self, rev: c_int) -> u64 {
        let zeros = self.input.iter().filter(|b| **b == 0).count() as u64;
        let n = self.input.len() as u64;
        let mut cost = 21000 + 4 * zeros + 16 * (n - zeros);
        if self.to.is_none() {
            cost += 32000;
            if rev >= SHANGHAI {
                cost += 2 * n.div_ceil(32);
            }
        }
        cost
    }
}

/* ---- chance ---- */

pub struct Rng {
    state: u64,
    last: U256, // the word that word() gave before
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        Rng {
            state,
            last: U256::ZERO,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.next() as u8).collect()
    }

    /// Numbers near the places where arithmetic goes wrong, or near the one before.
    fn word(&mut self) -> U256 {
        let one = U256::from(1);
        let last = self.last;
        let word = match self.below(14) {
            0 => U256::ZERO,
            1 => U256::from(self.below(4)),
            2 => U256::MAX - U256::from(self.below(3)),
            3 => (one << 255) + U256::from(self.below(3)) - one,
            4 => (one << self.below(256) as usize) - U256::from(self.below(2)),
            5 => !(one << self.below(256) as usize),
            6 => U256::from(self.next()),
            7 => U256::from(self.next()) << (64 * self.below(4)) as usize,
            8 => {
                // limbs that are all or nothing
                let limbs = [0; 4].map(|_| self.of(&[0, u64::MAX, 1, 1 << 63]));
                U256::from_limbs(limbs)
            }
            9 => last
                .wrapping_add(U256::from(self.below(3)))
                .wrapping_sub(one),
            10 => last >> (64 * self.below(4)) as usize,
            11 => !last,
            12 => {
                // the same upper limbs
                let mut limbs = *last.as_limbs();
                for limb in limbs.iter_mut().take(1 + self.below(3) as usize) {
                    *limb = self.of(&[0, u64::MAX, 0x1234_5678_9abc_def0]);
                }
                U256::from_limbs(limbs)
            }
            _ => U256::from_limbs([self.next(), self.next(), self.next(), self.next()]),
        };
        self.last = word;
        word
    }
}

/* ---- assembling ---- */

struct Code<'a> {
    rng: &'a mut Rng,
    rev: c_int,
    out: Vec<u8>,
    height: u64,
    patches: Vec<(usize, usize)>, // where two bytes wait for the place of data[i]
    data: Vec<Vec<u8>>,
    nesting: u32,
}

pub const CONTRACTS: u8 = 4;

// The generators of the BN254 groups and a few multiples, as the contracts 6..8 read them.
const G1: [&str; 3] = [
    "0000000000000000000000000000000000000000000000000000000000000001\
     0000000000000000000000000000000000000000000000000000000000000002",
    "0000000000000000000000000000000000000000000000000000000000000001\
     30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45",
    "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3\
     15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4",
];
const G2: &str = "198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2\
                  1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed\
                  090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b\
                  12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa";

fn point(rng: &mut Rng) -> Vec<u8> {
    match rng.below(6) {
        0 => vec![0; 64],
        1 if rng.one_in(3) => rng.bytes(64),
        _ => crate::case::hex(rng.of(&G1)).unwrap(),
    }
}

/// Plausible input of a precompiled contract.
fn precompile_input(rng: &mut Rng, number: u8) -> Vec<u8> {
    let mut v = match number {
        1 => {
            let mut v = rng.bytes(128);
            if !rng.one_in(6) {
                v[32..63].fill(0); // else a recovery word that FISCO accepts
            }
            v[63] = rng.of(&[27, 28, 27, 28, 27, 28, 0, 1, 26, 29, 30, 31]);
            v[64] &= 0x7f;
            v[96] &= 0x7f;
            if rng.one_in(6) {
                v.truncate(rng.of(&[95, 96, 97, 127])); // 96 is FISCO's limit
            }
            v
        }
        5 => {
            let mut v = Vec::new();
            let sizes = [0; 3].map(|_| match rng.below(12) {
                0 => 0,
                1 => 1,
                2 => 33 + rng.below(80),
                3 if rng.one_in(4) => rng.next(),
                _ => rng.of(&[1u64, 2, 8, 31, 32, 32, 32, 40]),
            });
            for n in sizes {
                v.extend(U256::from(n).to_be_bytes::<32>());
            }
            for n in sizes {
                let mut part = rng.bytes(n.min(128) as usize);
                if rng.one_in(6) {
                    part.fill(0);
                }
                if rng.one_in(3) {
                    part.last_mut().into_iter().for_each(|b| *b &= 0xfe);
                }
                v.extend(part);
            }
            v
        }
        6 => [point(rng), point(rng)].concat(),
        7 => [point(rng), rng.word().to_be_bytes::<32>().to_vec()].concat(),
        8 => {
            let mut v = Vec::new();
            for _ in 0..rng.below(4) {
                v.extend(point(rng));
                v.extend(match rng.below(5) {
                    0 => vec![0; 128],
                    _ => crate::case::hex(G2).unwrap(),
                });
            }
            v
        }
        9 => {
            let mut v = rng.bytes(213);
            v[..4].copy_from_slice(&(rng.below(40) as u32).to_be_bytes());
            v[212] = rng.of(&[0, 1, 0, 1, 2]);
            v
        }
        _ => {
            let n = rng.below(200) as usize;
            rng.bytes(n)
        }
    };
    match rng.below(8) {
        0 => v.truncate(rng.below(v.len() as u64 + 1) as usize),
        1 => v.extend(vec![0; rng.below(40) as usize]),
        2 if !v.is_empty() => {
            let i = rng.below(v.len() as u64) as usize;
            v[i] ^= 1 << rng.below(8);
        }
        _ => {}
    }
    v
}

impl<'a> Code<'a> {
    fn new(rng: &'a mut Rng, rev: c_int, nesting: u32) -> Code<'a> {
        let (out, patches, data) = (Vec::new(), Vec::new(), Vec::new());
        Code {
            rng,
            rev,
            out,
            height: 0,
            patches,
            data,
            nesting,
        }
    }

    fn op(&mut self, op: u8) {
        self.out.push(op);
    }

    /// Pushes in the fewest bytes, sometimes in more.
    fn push(&mut self, v: U256) {
        let full = v.to_be_bytes::<32>();
        let mut n = v.byte_len();
        if self.rng.one_in(12) {
            n += self.rng.below(33 - n as u64) as usize;
        }
        if n == 0 && self.rev < SHANGHAI {
            n = 1;
        }
        self.op(0x5f + n as u8);
        self.out.extend(&full[32 - n..]);
        self.height += 1;
    }

    fn num(&mut self, v: u64) {
        self.push(U256::from(v));
    }

    fn push_data(&mut self, data: Vec<u8>) {
        self.op(0x61);
        self.patches.push((self.out.len(), self.data.len()));
        self.out.extend([0, 0]);
        self.data.push(data);
        self.height += 1;
    }

    fn push_label(&mut self, at: usize) {
        self.op(0x61);
        self.out.extend((at as u16).to_be_bytes());
        self.height += 1;
    }

    fn fall(&mut self, n: u64) {
        self.height -= n;
    }

    /// Makes the stack at least n high; what is there may be used as it is.
    fn want(&mut self, n: u64) {
        while self.height < n {
            let v = self.rng.word();
            self.push(v);
        }
        if self.rng.one_in(2) {
            for _ in 0..n {
                let v = self.rng.word();
                self.push(v);
            }
        } else if n > 0 && self.rng.one_in(3) {
            let i = 1 + self.rng.below(self.height.min(16));
            self.op(0x7f + i as u8);
            self.height += 1;
        }
    }

    /// A place in memory.
    fn offset(&mut self) {
        match self.rng.below(160) {
            0 => {
                let v = self.rng.word();
                self.push(v);
            }
            1 => {
                let v = self.rng.below(1 << 20);
                self.num(v);
            }
            _ => {
                let v = self.rng.of(&[0, 0, 1, 31, 32, 33, 64, 96, 128, 255, 512]);
                self.num(v);
            }
        }
    }

    fn size(&mut self) {
        match self.rng.below(160) {
            0 => {
                let v = self.rng.word();
                self.push(v);
            }
            1 => {
                let v = self.rng.below(1 << 16);
                self.num(v);
            }
            _ => {
                let v = self.rng.of(&[0, 0, 1, 4, 20, 31, 32, 32, 33, 64, 100]);
                self.num(v);
            }
        }
    }

    fn key(&mut self) {
        let v = if self.rng.one_in(20) {
            self.rng.word()
        } else {
            U256::from(self.rng.below(6))
        };
        self.push(v);
    }

    fn address(&mut self) {
        match self.rng.below(12) {
            0 => {
                let v = 1 + self.rng.below(10);
                self.num(v);
            }
            1 => self.op30(0x30),
            2 => {
                let op = self.rng.of(&[0x32, 0x33, 0x41]);
                self.op30(op);
            }
            3 => {
                let v = self.rng.word();
                self.push(v);
            }
            4 => {
                let v = self.rng.of(&[0xe0, 0xe1, 0xe2]);
                self.push_address(last(v));
            }
            _ => {
                let v = 1 + self.rng.below(u64::from(CONTRACTS)) as u8;
                self.push_address(last(v));
            }
        }
    }

    fn op30(&mut self, op: u8) {
        self.op(op);
        self.height += 1;
    }

    fn push_address(&mut self, a: Addr) {
        self.push(U256::from_be_slice(&a));
    }

    fn arithmetic(&mut self) {
        let op = self.rng.of(&[
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0b, 0x10, 0x11, 0x12, 0x13, 0x14, 0x16,
            0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x08, 0x09, 0x08, 0x09, 0x15, 0x19, 0x0a,
        ]);
        let n = match op {
            0x08 | 0x09 => 3,
            0x15 | 0x19 => 1,
            _ => 2,
        };
        self.want(n);
        if matches!(op, 0x0b | 0x1a..=0x1d) && self.rng.one_in(2) {
            let v = self
                .rng
                .of(&[0, 1, 7, 8, 30, 31, 32, 33, 64, 128, 255, 256, 257]);
            self.num(v);
        }
        self.op(op);
        self.fall(n - 1);
    }

    fn stack(&mut self) {
        match self.rng.below(3) {
            0 if self.height > 0 => {
                self.op(0x50);
                self.fall(1);
            }
            1 if self.height > 1 => {
                let i = 1 + self.rng.below((self.height - 1).min(16));
                self.op(0x8f + i as u8);
            }
            _ => {
                self.want(1);
                let i = 1 + self.rng.below(self.height.min(16));
                self.op(0x7f + i as u8);
                self.height += 1;
            }
        }
    }

    fn memory(&mut self) {
        match self.rng.below(7) {
            0 | 1 => {
                self.want(1);
                self.offset();
                let op = self.rng.of(&[0x52, 0x52, 0x53]);
                self.op(op);
                self.fall(2);
            }
            2 => {
                self.offset();
                self.op(0x51);
            }
            3 if self.rev >= CANCUN || self.rng.one_in(8) => {
                self.size();
                self.offset();
                self.offset();
                self.op(0x5e);
                self.fall(3);
            }
            4 => self.op30(0x59),
            _ => {
                self.size();
                self.offset();
                self.op(0x20);
                self.fall(1);
            }
        }
    }

    fn copy(&mut self) {
        match self.rng.below(5) {
            0 => {
                self.want(0);
                if self.rng.one_in(2) {
                    self.offset();
                } else {
                    self.key();
                }
                self.op(0x35);
            }
            1 => {
                self.size();
                self.offset();
                self.offset();
                self.address();
                self.op(0x3c);
                self.fall(4);
            }
            2 => {
                // return data: all of it, or a part that may not be there
                if self.rng.one_in(3) {
                    self.size();
                    self.offset();
                } else {
                    self.op30(0x3d);
                    self.num(0);
                }
                self.offset();
                self.op(0x3e);
                self.fall(3);
            }
            _ => {
                self.size();
                self.offset();
                self.offset();
                let op = self.rng.of(&[0x37, 0x39]);
                self.op(op);
                self.fall(3);
            }
        }
    }

    fn environment(&mut self) {
        let op = self.rng.of(&[
            0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46,
            0x47, 0x48, 0x4a, 0x58, 0x59, 0x5a,
        ]);
        let late = (op == 0x48 && self.rev < LONDON) || (op == 0x4a && self.rev < CANCUN);
        if late && !self.rng.one_in(20) {
            return;
        }
        match self.rng.below(8) {
            0 => {
                self.address();
                let op = self.rng.of(&[0x31, 0x3b, 0x3f]);
                self.op(op);
            }
            1 => {
                let v = self.rng.of(&[0u64, 743, 744, 745, 998, 999, 1000, 1001]);
                self.num(v);
                self.op(0x40);
            }
            2 if self.rev >= CANCUN => {
                self.key();
                self.op(0x49);
            }
            _ => self.op30(op),
        }
    }

    fn storage(&mut self) {
        let transient = self.rev >= CANCUN && self.rng.one_in(2);
        if self.rng.one_in(2) {
            if self.rng.one_in(3) {
                self.num(0);
            } else if self.rng.one_in(2) {
                let v = self.rng.below(3);
                self.num(v);
            } else {
                self.want(1);
            }
            self.key();
            self.op(if transient { 0x5d } else { 0x55 });
            self.fall(2);
        } else {
            self.key();
            self.op(if transient { 0x5c } else { 0x54 });
        }
    }

    fn log(&mut self) {
        let topics = self.rng.below(5);
        self.want(topics);
        self.size();
        self.offset();
        self.op(0xa0 + topics as u8);
        self.fall(2 + topics);
    }

    /// Forward over a few snippets, or a loop over them that is stack-neutral and counted.
    fn jump(&mut self) {
        if self.nesting >= 3 {
            return;
        }
        self.nesting += 1;
        if self.rng.one_in(2) {
            let conditional = self.rng.one_in(2);
            if conditional {
                self.want(1);
            }
            let patch = self.out.len() + 1;
            self.push_label(0);
            self.op(if conditional { 0x57 } else { 0x56 });
            self.fall(1 + u64::from(conditional));
            let height = self.height;
            self.some(3);
            self.level(height);
            self.patch(patch);
        } else {
            let n = self.rng.of(&[1u64, 2, 3, 10]);
            self.num(n);
            let label = self.out.len();
            self.op(0x5b);
            let height = self.height;
            self.some(3);
            self.level(height);
            self.num(1);
            self.op(0x90);
            self.op(0x03);
            self.op(0x80);
            self.push_label(label);
            self.op(0x57);
            self.op(0x50);
            self.fall(3);
        }
        self.nesting -= 1;
    }

    fn level(&mut self, height: u64) {
        while self.height < height {
            let v = self.rng.word();
            self.push(v);
        }
        while self.height > height {
            self.op(0x50);
            self.fall(1);
        }
    }

    fn patch(&mut self, at: usize) {
        let here = (self.out.len() as u16).to_be_bytes();
        self.out[at..at + 2].copy_from_slice(&here);
        self.op(0x5b);
    }

    fn gas(&mut self) {
        match self.rng.below(6) {
            0 => {
                let v = self.rng.below(60000);
                self.num(v);
            }
            1 if self.rng.one_in(3) => {
                let v = self.rng.word();
                self.push(v);
            }
            2 if self.rng.one_in(2) => {
                let v = 2300 + self.rng.below(30); // where SSTORE begins to work
                self.num(v);
            }
            _ => self.op30(0x5a),
        }
    }

    fn call(&mut self) {
        let op = self.rng.of(&[0xf1, 0xf1, 0xf1, 0xf2, 0xf4, 0xfa]);
        let precompiled = self.rng.one_in(3).then(|| 1 + self.rng.below(9) as u8);
        let before = self.height;
        let mut input = None;
        if let Some(number) = precompiled {
            let data = precompile_input(self.rng, number);
            let n = data.len() as u64;
            self.num(n);
            self.push_data(data);
            self.num(0);
            self.op(0x39);
            self.fall(3);
            input = Some(n);
        }
        self.size();
        self.offset();
        match input {
            Some(n) => {
                self.num(n);
                self.num(0);
            }
            None => {
                self.size();
                self.offset();
            }
        }
        if matches!(op, 0xf1 | 0xf2) {
            let v = match self.rng.below(8) {
                0 => U256::from(self.rng.below(3)),
                1 => U256::from(self.rng.below(2_000_000)),
                2 if self.rng.one_in(4) => self.rng.word(),
                _ => U256::ZERO,
            };
            self.push(v);
        }
        match precompiled {
            Some(n) => self.num(u64::from(n)),
            None => self.address(),
        }
        self.gas();
        self.op(op);
        self.height = before + 1;
        if self.rng.one_in(3) {
            self.op30(0x3d);
            self.num(0);
            self.offset();
            self.op(0x3e);
            self.fall(3);
        }
    }

    fn create(&mut self) {
        let init = init_code(self.rng, self.rev, self.nesting + 2);
        let n = init.len() as u64;
        self.num(n);
        self.push_data(init);
        self.num(0);
        self.op(0x39);
        self.fall(3);
        let two = self.rng.one_in(2);
        if two {
            let v = self.rng.below(3);
            self.num(v);
        }
        self.num(n);
        self.num(0);
        let v = if self.rng.one_in(4) {
            self.rng.below(1000)
        } else {
            0
        };
        self.num(v);
        self.op(if two { 0xf5 } else { 0xf0 });
        self.fall(2 + u64::from(two));
        match self.rng.below(4) {
            0 => {
                // and calls what it made
                self.op(0x80);
                self.height += 1;
                for _ in 0..5 {
                    self.num(0);
                }
                self.op(0x85);
                self.op(0x5a);
                self.op(0xf1);
                self.fall(5);
            }
            1 => {
                self.op(0x80);
                let op = self.rng.of(&[0x3b, 0x3f, 0x31]);
                self.op(op);
                self.height += 1;
            }
            _ => {}
        }
    }

    fn odd(&mut self) {
        match self.rng.below(8) {
            0 => {
                let v = self.rng.next() as u8;
                self.op(v);
            }
            1 => {
                let n = 1 + self.rng.below(6) as usize;
                let v = self.rng.bytes(n);
                self.out.extend(v);
            }
            2 => {
                let v = self.rng.word();
                self.push(v);
                self.op(0x56);
                self.fall(1);
            }
            3 => {
                let v = self.rng.below(self.out.len() as u64 + 40);
                self.num(v);
                self.op(0x56);
                self.fall(1);
            }
            4 => {
                // into the immediate of a PUSH that looks like a JUMPDEST
                let at = self.out.len() + 6;
                self.push_label(at);
                self.op(0x57);
                self.out.extend([0x61, 0x5b, 0x5b, 0x50]);
                self.height = self.height.saturating_sub(2);
            }
            5 => {
                self.address();
                self.op(0xff);
                self.fall(1);
            }
            6 => {
                let n = 1 + self.rng.below(8);
                let (dup, swap) = (self.rng.below(16) as u8, self.rng.below(16) as u8);
                self.op(0x80 + dup);
                self.op(0x90 + swap);
                for _ in 0..n {
                    self.op(0x50);
                }
                self.height = self.height.saturating_sub(n);
            }
            _ => {
                // a stack that nearly overflows
                let n = 900 + self.rng.below(200);
                for _ in 0..n {
                    self.op(0x30);
                }
                self.height += n;
            }
        }
    }

    fn some(&mut self, most: u64) {
        for _ in 0..1 + self.rng.below(most) {
            match self.rng.below(80) {
                0..=24 => self.arithmetic(),
                25..=32 => self.stack(),
                33..=39 => self.memory(),
                40..=44 => self.copy(),
                45..=53 => self.environment(),
                54..=61 => self.storage(),
                62..=63 => self.log(),
                64..=68 => self.jump(),
                69..=76 => self.call(),
                77 if self.nesting < 3 => self.create(),
                78 if self.rng.one_in(8) => self.odd(),
                _ => {}
            }
            if self.out.len() > 6000 {
                break;
            }
        }
    }

    fn end(&mut self) {
        match self.rng.below(12) {
            0 => self.op(0x00),
            1 => self.op(0xfe),
            2 => {
                self.address();
                self.op(0xff);
            }
            3 => {}
            k => {
                // memory and the top of the stack tell what happened
                self.want(1);
                self.num(0);
                self.op(0x52);
                self.size();
                self.offset();
                self.op(if k < 6 { 0xfd } else { 0xf3 });
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let truncated = self.rng.one_in(30);
        if truncated {
            self.op(0x7f); // an immediate that the end of the code cuts off
        } else if !self.data.is_empty() {
            self.op(0x00);
        }
        let mut places = Vec::new();
        for d in &self.data {
            places.push(self.out.len() as u16);
            self.out.extend(d);
        }
        for (at, i) in &self.patches {
            self.out[*at..at + 2].copy_from_slice(&places[*i].to_be_bytes());
        }
        self.out
    }
}

fn runtime(rng: &mut Rng, rev: c_int, nesting: u32, most: u64) -> Vec<u8> {
    let mut c = Code::new(rng, rev, nesting);
    if c.rng.one_in(8) {
        // a write that a call with very little gas reaches
        c.num(1);
        c.key();
        c.op(0x55);
        c.fall(2);
    }
    c.some(most);
    c.end();
    c.finish()
}

/// Some work, then mostly a contract of a few instructions.
fn init_code(rng: &mut Rng, rev: c_int, nesting: u32) -> Vec<u8> {
    if rng.one_in(5) {
        return runtime(rng, rev, nesting, 4);
    }
    let mut code = runtime(rng, rev, nesting, 4);
    match rng.below(12) {
        0 => code.insert(0, 0xef),
        1 => code.clear(),
        _ => {}
    }
    let n = code.len() as u64;
    let mut c = Code::new(rng, rev, nesting);
    c.some(2);
    c.num(n);
    c.push_data(code);
    c.num(0);
    c.op(0x39);
    let n = if c.rng.one_in(20) {
        c.rng.of(&[24575, 24576, 24577])
    } else {
        n
    };
    c.num(n);
    c.num(0);
    c.op(0xf3);
    c.finish()
}

/// Calls itself with all gas until the depth is reached, then works on the way back. Nothing in it
/// costs time that its gas does not bound.
fn deep(rng: &mut Rng, rev: c_int) -> Vec<u8> {
    let mut c = Code::new(rng, rev, 3);
    let op = c.rng.of(&[0xf1, 0xf2, 0xf4, 0xfa]);
    if c.rng.one_in(2) {
        c.storage();
    }
    c.num(32);
    for _ in 0..if matches!(op, 0xf1 | 0xf2) { 4 } else { 3 } {
        c.num(0);
    }
    c.op30(0x30);
    c.op30(0x5a);
    c.op(op);
    c.num(0);
    c.op(0x51);
    c.op(0x01);
    c.height = 1;
    for _ in 0..c.rng.below(6) {
        match c.rng.below(3) {
            0 => c.arithmetic(),
            1 => c.stack(),
            _ => c.storage(),
        }
    }
    c.want(1);
    c.num(0);
    c.op(0x52);
    c.num(32);
    c.num(0);
    c.op(0xf3);
    c.finish()
}

pub fn test(seed: u64, profile: Profile) -> Test {
    let mut rng = Rng::new(seed);
    let rev = match profile {
        Profile::Ethereum => rng.of(&[CANCUN, CANCUN, CANCUN, SHANGHAI, LONDON, ISTANBUL]),
        // a chain's life: London until 3.1, Paris until the feature, Cancun
        Profile::Fisco => rng.of(&[CANCUN, CANCUN, CANCUN, CANCUN, PARIS, LONDON]),
    };
    let mut accounts = BTreeMap::new();
    for i in 1..=CONTRACTS {
        let most = rng.of(&[5, 20, 50, 90]);
        let storage = (0..rng.below(4))
            .map(|k| {
                let value = U256::from(1 + rng.below(3));
                (U256::from(k).to_be_bytes(), value.to_be_bytes())
            })
            .collect();
        let account = Account {
            balance: U256::from(rng.of(&[0, 0, 1, 1_000_000])),
            nonce: 1,
            code: Rc::new(runtime(&mut rng, rev, 0, most)),
            storage,
        };
        accounts.insert(last(i), account);
    }
    // a rich one, and one that has only a nonce
    accounts.insert(
        last(0xe0),
        Account {
            balance: U256::from(5),
            ..Account::default()
        },
    );
    accounts.insert(
        last(0xe1),
        Account {
            nonce: 1,
            ..Account::default()
        },
    );
    let rich = U256::from(1) << 120;
    accounts.insert(
        super::host::SENDER,
        Account {
            balance: rich,
            ..Account::default()
        },
    );
    let depth = rng.one_in(100);
    if depth {
        accounts.get_mut(&last(1)).unwrap().code = Rc::new(deep(&mut rng, rev));
    }
    let creates = !depth && rng.one_in(10);
    let input = if creates {
        init_code(&mut rng, rev, 0)
    } else {
        let n = rng.of(&[0, 4, 36, 68, 100]);
        rng.bytes(n)
    };
    let mut t = Test {
        profile,
        rev,
        accounts,
        to: (!creates).then(|| last(1)),
        input,
        value: if rng.one_in(4) { rng.below(1000) } else { 0 },
        gas: 0,
    };
    let gas = rng.of(&[
        3_000, 30_000, 200_000, 200_000, 1_000_000, 1_000_000, 5_000_000,
    ]);
    t.gas = t.intrinsic(rev) + gas / 2 + rng.below(gas);
    if depth {
        t.gas = 2_000_000_000_000; // 63/64 of it, 1024 times over, is still a good deal
    }
    t
}
