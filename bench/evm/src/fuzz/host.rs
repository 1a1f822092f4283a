//! An Ethereum state in memory as the EVMC host of our EVM: what a transaction does around the
//! interpreter, written apart from revm so that the two check each other.
use super::evmc::*;
use super::program::{Account, Test};
use revm::precompile::kzg_point_evaluation;
use revm::primitives::{keccak256, U256};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::rc::Rc;

pub const ISTANBUL: c_int = 7;
pub const LONDON: c_int = 9;
pub const PARIS: c_int = 10;
pub const SHANGHAI: c_int = 11;
pub const CANCUN: c_int = 12;

pub const SENDER: Addr = last(0xee);
pub const COINBASE: Addr = last(0xcb);
pub const GAS_PRICE: u64 = 7;
pub const BASE_FEE: u64 = 7;
pub const BLOB_BASE_FEE: u64 = 1;
pub const NUMBER: u64 = 1000;
pub const TIMESTAMP: u64 = 1_700_000_000;
pub const RANDAO: Word = [0x5a; 32];

pub const fn last(b: u8) -> Addr {
    let mut a = [0; 20];
    a[0] = 0xac;
    a[19] = b;
    a
}

pub fn block_hash(number: u64) -> Word {
    keccak256(number.to_be_bytes()).0
}

#[derive(Clone)]
pub struct Log {
    pub address: Addr,
    pub topics: Vec<Word>,
    pub data: Vec<u8>,
}

type Slot = (Addr, Word);

/// What a failing message takes back, newest last.
enum Undo {
    Account(Addr, Option<Account>),
    Storage(Slot, Word),
    Transient(Slot, Word),
    WarmAccount(Addr),
    WarmSlot(Slot),
    Created(Addr),
    Destroyed(Addr),
    Log,
}

pub struct Host<'a> {
    vm: &'a Vm,
    rev: c_int,
    gas_limit: u64,
    pub accounts: BTreeMap<Addr, Account>,
    pub storage: BTreeMap<Slot, Word>,
    original: BTreeMap<Slot, Word>,
    transient: BTreeMap<Slot, Word>,
    warm_accounts: BTreeSet<Addr>,
    warm_slots: BTreeSet<Slot>,
    created: BTreeSet<Addr>,
    destroyed: BTreeSet<Addr>,
    pub logs: Vec<Log>,
    undo: Vec<Undo>,
    pub trace: bool,
}

const ZERO: Word = [0; 32];

fn number_of(a: &Addr) -> Option<u8> {
    (a[..19] == [0; 19] && a[19] != 0).then_some(a[19])
}

pub fn short(a: &Addr) -> String {
    crate::case::to_hex(a).trim_start_matches('0').to_string()
}

impl<'a> Host<'a> {
    pub fn new(vm: &'a Vm, rev: c_int, test: &Test) -> Host<'a> {
        let mut storage = BTreeMap::new();
        for (address, account) in &test.accounts {
            for (key, value) in &account.storage {
                storage.insert((*address, *key), *value);
            }
        }
        Host {
            vm,
            rev,
            gas_limit: test.gas,
            accounts: test.accounts.clone(),
            original: storage.clone(),
            storage,
            transient: BTreeMap::new(),
            warm_accounts: BTreeSet::new(),
            warm_slots: BTreeSet::new(),
            created: BTreeSet::new(),
            destroyed: BTreeSet::new(),
            logs: Vec::new(),
            undo: Vec::new(),
            trace: false,
        }
    }

    fn say(&self, depth: i32, text: impl FnOnce() -> String) {
        if self.trace {
            println!("{:width$}{}", "", text(), width = 2 * depth.max(0) as usize);
        }
    }

    /* ---- state with a journal ---- */

    fn change(&mut self, a: &Addr) -> &mut Account {
        self.undo
            .push(Undo::Account(*a, self.accounts.get(a).cloned()));
        self.accounts.entry(*a).or_default()
    }

    fn warm(&mut self, a: &Addr) -> bool {
        let new = self.warm_accounts.insert(*a);
        if new {
            self.undo.push(Undo::WarmAccount(*a));
        }
        !new
    }

    fn roll_back(&mut self, to: usize) {
        while self.undo.len() > to {
            match self.undo.pop().unwrap() {
                Undo::Account(a, Some(old)) => drop(self.accounts.insert(a, old)),
                Undo::Account(a, None) => drop(self.accounts.remove(&a)),
                Undo::Storage(slot, old) => drop(self.storage.insert(slot, old)),
                Undo::Transient(slot, old) => drop(self.transient.insert(slot, old)),
                Undo::WarmAccount(a) => drop(self.warm_accounts.remove(&a)),
                Undo::WarmSlot(slot) => drop(self.warm_slots.remove(&slot)),
                Undo::Created(a) => drop(self.created.remove(&a)),
                Undo::Destroyed(a) => drop(self.destroyed.remove(&a)),
                Undo::Log => drop(self.logs.pop()),
            }
        }
    }

    fn balance(&self, a: &Addr) -> U256 {
        self.accounts.get(a).map_or(U256::ZERO, |x| x.balance)
    }

    fn code(&self, a: &Addr) -> Rc<Vec<u8>> {
        self.accounts
            .get(a)
            .map_or_else(Rc::default, |x| x.code.clone())
    }

    fn alive(&self, a: &Addr) -> bool {
        self.accounts.get(a).is_some_and(|x| !x.is_empty())
    }

    fn transfer(&mut self, from: &Addr, to: &Addr, value: U256) {
        if !value.is_zero() {
            self.change(from).balance -= value;
            self.change(to).balance += value;
        }
    }

    /* ---- messages ---- */

    fn execute(&mut self, msg: &Message, code: &[u8]) -> Outcome {
        let vm = self.vm;
        let rev = self.rev;
        vm.execute(&INTERFACE, (self as *mut Self).cast(), rev, msg, code)
    }

    fn run_call(&mut self, msg: &Message) -> Outcome {
        let begin = self.undo.len();
        if msg.kind == CALL {
            let value = U256::from_be_bytes(msg.value.0);
            self.transfer(&msg.sender.0, &msg.recipient.0, value);
        }
        let code = self.code(&msg.code_address.0);
        let out = match number_of(&msg.code_address.0) {
            Some(1..=9) => self.execute(msg, &[]),
            Some(10) if self.rev >= CANCUN => {
                let input = unsafe { bytes(msg.input, msg.input_size) };
                match kzg_point_evaluation::run(input, msg.gas as u64) {
                    Ok(o) => Outcome {
                        output: o.bytes.to_vec(),
                        ..Outcome::new(SUCCESS, msg.gas - o.gas_used as i64)
                    },
                    Err(_) => Outcome::new(FAILURE, 0),
                }
            }
            _ if code.is_empty() => Outcome::new(SUCCESS, msg.gas),
            _ => self.execute(msg, &code),
        };
        if out.status != SUCCESS {
            self.roll_back(begin);
        }
        out
    }

    fn run_create(&mut self, msg: &Message) -> Outcome {
        let init = unsafe { bytes(msg.input, msg.input_size) }.to_vec();
        let sender = msg.sender.0;
        let nonce = self.accounts.get(&sender).map_or(0, |a| a.nonce);
        if nonce == u64::MAX {
            return Outcome::new(FAILURE, msg.gas);
        }
        self.change(&sender).nonce = nonce + 1;
        let new = if msg.kind == CREATE2 {
            let text = [&[0xff][..], &sender, &msg.salt.0, &keccak256(&init).0].concat();
            tail(keccak256(text).0)
        } else {
            revm::primitives::Address::from(sender)
                .create(nonce)
                .into_array()
        };
        self.warm(&new);
        let begin = self.undo.len();
        let there = self
            .accounts
            .get(&new)
            .is_some_and(|a| a.nonce != 0 || !a.code.is_empty());
        if there {
            return Outcome::new(FAILURE, 0);
        }
        self.change(&new).nonce = 1;
        if self.created.insert(new) {
            self.undo.push(Undo::Created(new));
        }
        self.transfer(&sender, &new, U256::from_be_bytes(msg.value.0));
        let m = Message {
            recipient: CAddr(new),
            code_address: CAddr(new),
            input: std::ptr::null(),
            input_size: 0,
            ..*msg
        };
        let mut out = self.execute(&m, &init);
        if out.status == SUCCESS {
            let deposit = 200 * out.output.len() as i64;
            let bad = self.rev >= LONDON && out.output.first() == Some(&0xef);
            if bad || out.output.len() > 24576 {
                out = Outcome::new(FAILURE, 0);
            } else if deposit > out.gas_left {
                out = Outcome::new(OUT_OF_GAS, 0);
            } else {
                out.gas_left -= deposit;
                self.change(&new).code = Rc::new(std::mem::take(&mut out.output));
                out.created = new;
            }
        }
        if out.status != SUCCESS {
            self.roll_back(begin);
        }
        out
    }

    fn message(&mut self, msg: &Message) -> Outcome {
        let creates = msg.kind == CREATE || msg.kind == CREATE2;
        self.say(msg.depth, || {
            let kind = ["CALL", "DELEGATECALL", "CALLCODE", "CREATE", "CREATE2"];
            format!(
                "{} {} of {} from {} gas {} value {} input {} bytes{}",
                kind[msg.kind as usize],
                short(&msg.code_address.0),
                short(&msg.recipient.0),
                short(&msg.sender.0),
                msg.gas,
                U256::from_be_bytes(msg.value.0),
                msg.input_size,
                if msg.flags & STATIC != 0 {
                    " static"
                } else {
                    ""
                }
            )
        });
        let out = if creates {
            self.run_create(msg)
        } else {
            self.run_call(msg)
        };
        self.say(msg.depth, || {
            format!(
                "-> status {} gas {} refund {} output {}",
                out.status,
                out.gas_left,
                out.gas_refund,
                crate::case::to_hex(&out.output)
            )
        });
        out
    }

    /// Runs the test's transaction. The answer's gas_left and refund are before the refund is paid.
    pub fn transact(&mut self, test: &Test) -> Outcome {
        let intrinsic = test.intrinsic(self.rev);
        let paid = U256::from(test.gas) * U256::from(GAS_PRICE);
        self.accounts.entry(SENDER).or_default().balance -= paid;
        self.warm_accounts.insert(SENDER);
        if self.rev >= SHANGHAI {
            self.warm_accounts.insert(COINBASE);
        }
        for i in 1..=if self.rev >= CANCUN { 10 } else { 9 } {
            let mut a = [0; 20];
            a[19] = i;
            self.warm_accounts.insert(a);
        }
        let mut msg = Message {
            kind: if test.to.is_some() { CALL } else { CREATE },
            flags: 0,
            depth: 0,
            gas: (test.gas - intrinsic) as i64,
            recipient: CAddr(test.to.unwrap_or_default()),
            sender: CAddr(SENDER),
            input: test.input.as_ptr(),
            input_size: test.input.len(),
            value: CWord(U256::from(test.value).to_be_bytes()),
            salt: CWord(ZERO),
            code_address: CAddr(test.to.unwrap_or_default()),
            code: std::ptr::null(),
            code_size: 0,
        };
        if let Some(to) = test.to {
            self.accounts.entry(SENDER).or_default().nonce += 1;
            self.warm_accounts.insert(to);
        } else {
            msg.recipient = CAddr([0; 20]);
        }
        let out = self.message(&msg);
        let left = out.gas_left as u64;
        let spent = test.gas - left;
        let refund = self.refund(spent, out.gas_refund);
        let price = U256::from(GAS_PRICE);
        self.accounts.entry(SENDER).or_default().balance += U256::from(left + refund) * price;
        let tip = if self.rev >= LONDON {
            GAS_PRICE - BASE_FEE
        } else {
            GAS_PRICE
        };
        self.accounts.entry(COINBASE).or_default().balance +=
            U256::from(spent - refund) * U256::from(tip);
        for a in std::mem::take(&mut self.destroyed) {
            self.accounts.remove(&a);
            self.storage.retain(|slot, _| slot.0 != a);
        }
        self.accounts.retain(|_, a| !a.is_empty());
        self.storage.retain(|_, v| *v != ZERO);
        out
    }

    pub fn refund(&self, spent: u64, refund: i64) -> u64 {
        let most = spent / if self.rev >= LONDON { 5 } else { 2 };
        most.min(refund.max(0) as u64)
    }

    fn storage_status(&self, slot: &Slot, value: &Word) -> c_int {
        let current = self.storage.get(slot).unwrap_or(&ZERO);
        let original = match self.created.contains(&slot.0) {
            true => &ZERO,
            false => self.original.get(slot).unwrap_or(&ZERO),
        };
        if current == value {
            return 0;
        }
        if original == current {
            return if *original == ZERO {
                1
            } else if *value == ZERO {
                2
            } else {
                3
            };
        }
        if *original == ZERO {
            return if *value == ZERO { 7 } else { 0 };
        }
        match (*current == ZERO, *value == ZERO, value == original) {
            (true, _, false) => 4,
            (true, _, true) => 6,
            (false, true, _) => 5,
            (false, false, true) => 8,
            (false, false, false) => 0,
        }
    }
}

fn tail(w: Word) -> Addr {
    w[12..].try_into().unwrap()
}

unsafe fn bytes<'b>(p: *const u8, n: usize) -> &'b [u8] {
    match n {
        0 => &[],
        _ => unsafe { std::slice::from_raw_parts(p, n) },
    }
}

/* ---- the functions of the interface ---- */

fn host<'b>(ctx: *mut Ctx) -> &'b mut Host<'b> {
    unsafe { &mut *ctx.cast::<Host<'b>>() }
}

fn slot(a: *const CAddr, key: *const CWord) -> Slot {
    unsafe { ((*a).0, (*key).0) }
}

static INTERFACE: Interface = Interface {
    account_exists,
    get_storage,
    set_storage,
    get_balance,
    get_code_size,
    get_code_hash,
    copy_code,
    selfdestruct,
    call,
    get_tx_context,
    get_block_hash,
    emit_log,
    access_account,
    access_storage,
    get_transient,
    set_transient,
};

extern "C" fn account_exists(ctx: *mut Ctx, a: *const CAddr) -> bool {
    host(ctx).alive(unsafe { &(*a).0 })
}

extern "C" fn get_storage(ctx: *mut Ctx, a: *const CAddr, key: *const CWord) -> CWord {
    CWord(*host(ctx).storage.get(&slot(a, key)).unwrap_or(&ZERO))
}

extern "C" fn set_storage(
    ctx: *mut Ctx,
    a: *const CAddr,
    key: *const CWord,
    value: *const CWord,
) -> c_int {
    let (h, slot, value) = (host(ctx), slot(a, key), unsafe { (*value).0 });
    let status = h.storage_status(&slot, &value);
    let old = h.storage.insert(slot, value).unwrap_or(ZERO);
    h.undo.push(Undo::Storage(slot, old));
    status
}

extern "C" fn get_balance(ctx: *mut Ctx, a: *const CAddr) -> CWord {
    CWord(host(ctx).balance(unsafe { &(*a).0 }).to_be_bytes())
}

extern "C" fn get_code_size(ctx: *mut Ctx, a: *const CAddr) -> usize {
    host(ctx).code(unsafe { &(*a).0 }).len()
}

extern "C" fn get_code_hash(ctx: *mut Ctx, a: *const CAddr) -> CWord {
    let (h, a) = (host(ctx), unsafe { &(*a).0 });
    CWord(if h.alive(a) {
        keccak256(h.code(a).as_slice()).0
    } else {
        ZERO
    })
}

extern "C" fn copy_code(
    ctx: *mut Ctx,
    a: *const CAddr,
    offset: usize,
    to: *mut u8,
    n: usize,
) -> usize {
    let code = host(ctx).code(unsafe { &(*a).0 });
    let from = code.get(offset..).unwrap_or_default();
    let n = n.min(from.len());
    if n > 0 {
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, n) };
    }
    n
}

extern "C" fn selfdestruct(ctx: *mut Ctx, a: *const CAddr, heir: *const CAddr) -> bool {
    let (h, a, heir) = unsafe { (host(ctx), (*a).0, (*heir).0) };
    let balance = h.balance(&a);
    let dies = h.rev < CANCUN || h.created.contains(&a);
    if a != heir {
        h.transfer(&a, &heir, balance);
    } else if dies {
        h.change(&a).balance = U256::ZERO;
    }
    let first = dies && h.destroyed.insert(a);
    if first {
        h.undo.push(Undo::Destroyed(a));
    }
    first
}

extern "C" fn call(ctx: *mut Ctx, msg: *const Message) -> RawResult {
    host(ctx).message(unsafe { &*msg }).into_raw()
}

extern "C" fn get_tx_context(ctx: *mut Ctx) -> TxContext {
    let word = |v: u64| CWord(U256::from(v).to_be_bytes());
    let h = host(ctx);
    TxContext {
        gas_price: word(GAS_PRICE),
        origin: CAddr(SENDER),
        coinbase: CAddr(COINBASE),
        number: NUMBER as i64,
        timestamp: TIMESTAMP as i64,
        gas_limit: h.gas_limit as i64,
        prev_randao: CWord(RANDAO),
        chain_id: word(1),
        base_fee: word(BASE_FEE),
        blob_base_fee: word(BLOB_BASE_FEE),
        blob_hashes: std::ptr::null(),
        blob_hashes_count: 0,
        initcodes: std::ptr::null(),
        initcodes_count: 0,
    }
}

extern "C" fn get_block_hash(_ctx: *mut Ctx, number: i64) -> CWord {
    CWord(block_hash(number as u64))
}

extern "C" fn emit_log(
    ctx: *mut Ctx,
    a: *const CAddr,
    data: *const u8,
    n: usize,
    topics: *const CWord,
    topic_cnt: usize,
) {
    let h = host(ctx);
    unsafe {
        h.logs.push(Log {
            address: (*a).0,
            topics: (0..topic_cnt).map(|i| (*topics.add(i)).0).collect(),
            data: bytes(data, n).to_vec(),
        });
    }
    h.undo.push(Undo::Log);
}

extern "C" fn access_account(ctx: *mut Ctx, a: *const CAddr) -> c_int {
    c_int::from(host(ctx).warm(unsafe { &(*a).0 }))
}

extern "C" fn access_storage(ctx: *mut Ctx, a: *const CAddr, key: *const CWord) -> c_int {
    let (h, slot) = (host(ctx), slot(a, key));
    let new = h.warm_slots.insert(slot);
    if new {
        h.undo.push(Undo::WarmSlot(slot));
    }
    c_int::from(!new)
}

extern "C" fn get_transient(ctx: *mut Ctx, a: *const CAddr, key: *const CWord) -> CWord {
    CWord(*host(ctx).transient.get(&slot(a, key)).unwrap_or(&ZERO))
}

extern "C" fn set_transient(
    ctx: *mut Ctx,
    a: *const CAddr,
    key: *const CWord,
    value: *const CWord,
) {
    let (h, slot) = (host(ctx), slot(a, key));
    let old = h
        .transient
        .insert(slot, unsafe { (*value).0 })
        .unwrap_or(ZERO);
    h.undo.push(Undo::Transient(slot, old));
}
