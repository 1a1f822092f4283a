//! The same transaction on revm.
use super::evmc::{Addr, Word};
use super::fisco;
use super::host::{self, Log, SHANGHAI};
use super::program::{Account, Profile, Test};
use revm::{
    bytecode::opcode::OpCode,
    context::{BlockEnv, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    context_interface::result::{ExecutionResult, HaltReason},
    database_interface::Database,
    inspector::Inspector,
    interpreter::{interpreter_types::Jumps, Interpreter},
    primitives::{hardfork::SpecId, Address, Bytes, TxKind, B256, U256},
    state::{AccountInfo, Bytecode, EvmState},
    Context, ExecuteEvm, InspectEvm, MainBuilder, MainContext,
};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::rc::Rc;

struct Accounts<'a>(&'a BTreeMap<Addr, Account>);

impl Database for Accounts<'_> {
    type Error = Infallible;
    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.0.get(&address.into_array()).map(|a| {
            let code = Bytecode::new_raw(Bytes::from(a.code.to_vec()));
            AccountInfo {
                balance: a.balance,
                nonce: a.nonce,
                ..AccountInfo::from_bytecode(code)
            }
        }))
    }
    fn code_by_hash(&mut self, _hash: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }
    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Infallible> {
        let key: Word = index.to_be_bytes();
        let slots = self
            .0
            .get(&address.into_array())
            .map_or(&[][..], |a| &a.storage);
        let found = slots.iter().find(|s| s.0 == key);
        Ok(found.map_or(U256::ZERO, |s| U256::from_be_bytes(s.1)))
    }
    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(B256::from(host::block_hash(number)))
    }
}

/// Prints each instruction with the top of the stack.
struct Tracer;

impl<C> Inspector<C> for Tracer {
    fn step(&mut self, i: &mut Interpreter, _context: &mut C) {
        let op = i.bytecode.opcode();
        let name = OpCode::new(op).map_or("?", |o| o.as_str());
        let top: Vec<_> = i
            .stack
            .data()
            .iter()
            .rev()
            .take(4)
            .map(|w| format!("{w:x}"))
            .collect();
        println!(
            "{:5} {:14} gas {:<10} {}",
            i.bytecode.pc(),
            name,
            i.gas.remaining(),
            top.join(" ")
        );
    }
}

pub enum Ending {
    Success,
    Revert,
    Halt(HaltReason),
}

pub struct Outcome {
    pub ending: Ending,
    pub spent: u64, // of the transaction, before the refund
    pub refund: u64,
    pub output: Vec<u8>,
    pub logs: Vec<Log>,
    pub accounts: BTreeMap<Addr, Account>,
    pub storage: BTreeMap<(Addr, Word), Word>,
}

fn spec(rev: i32) -> SpecId {
    match rev {
        host::ISTANBUL => SpecId::ISTANBUL,
        host::LONDON => SpecId::LONDON,
        host::PARIS => SpecId::MERGE,
        SHANGHAI => SpecId::SHANGHAI,
        _ => SpecId::CANCUN,
    }
}

/// The state after the transaction, empty accounts and zero slots left out.
fn apply(out: &mut Outcome, changed: EvmState) {
    for (address, account) in changed {
        let address = address.into_array();
        if !account.is_touched() {
            continue;
        }
        if account.is_selfdestructed() || account.is_created() {
            out.storage.retain(|slot, _| slot.0 != address);
        }
        if account.is_selfdestructed() {
            out.accounts.remove(&address);
            continue;
        }
        let old = out
            .accounts
            .get(&address)
            .map_or_else(Rc::default, |a| a.code.clone());
        let code = match &account.info.code {
            Some(code) => Rc::new(code.original_bytes().to_vec()),
            None => old,
        };
        let (balance, nonce) = (account.info.balance, account.info.nonce);
        out.accounts.insert(
            address,
            Account {
                balance,
                nonce,
                code,
                storage: Vec::new(),
            },
        );
        for (key, slot) in account.storage.iter() {
            out.storage.insert(
                (address, key.to_be_bytes()),
                slot.present_value.to_be_bytes(),
            );
        }
    }
    out.accounts.retain(|_, a| !a.is_empty());
    out.storage.retain(|_, v| *v != [0; 32]);
}

pub fn transact(test: &Test, trace: bool) -> Result<Outcome, String> {
    let spec = spec(test.rev);
    let mut cfg = CfgEnv::new_with_spec(spec);
    cfg.tx_gas_limit_cap = Some(u64::MAX);
    if test.profile == Profile::Fisco {
        cfg.set_gas_params(fisco::prices(spec));
    }
    let context = Context::mainnet()
        .with_db(Accounts(&test.accounts))
        .with_cfg(cfg)
        .with_block(BlockEnv {
            number: U256::from(host::NUMBER),
            beneficiary: Address::from(host::COINBASE),
            timestamp: U256::from(host::TIMESTAMP),
            gas_limit: test.gas,
            basefee: host::BASE_FEE,
            difficulty: U256::from_be_bytes(host::RANDAO),
            prevrandao: Some(B256::from(host::RANDAO)),
            blob_excess_gas_and_price: Some(BlobExcessGasAndPrice::new(0, 3338477)),
            ..BlockEnv::default()
        });
    let tx = TxEnv {
        caller: Address::from(host::SENDER),
        gas_limit: test.gas,
        gas_price: u128::from(host::GAS_PRICE),
        kind: test
            .to
            .map_or(TxKind::Create, |a| TxKind::Call(Address::from(a))),
        value: U256::from(test.value),
        data: Bytes::from(test.input.clone()),
        ..TxEnv::default()
    };
    let mut evm = context.build_mainnet_with_inspector(Tracer);
    if test.profile == Profile::Fisco {
        fisco::fixed_prices(evm.instruction.gas_table_mut());
        evm.precompiles.precompiles = fisco::precompiles(spec);
    }
    let done = if trace {
        evm.inspect_tx(tx)
    } else {
        evm.transact(tx)
    };
    let done = done.map_err(|e| format!("revm refuses the transaction: {e:?}"))?;
    let gas = *done.result.gas();
    let (ending, logs) = match &done.result {
        ExecutionResult::Success { logs, .. } => (Ending::Success, logs.clone()),
        ExecutionResult::Revert { .. } => (Ending::Revert, Vec::new()),
        ExecutionResult::Halt { reason, .. } => (Ending::Halt(reason.clone()), Vec::new()),
    };
    let mut storage = BTreeMap::new();
    for (address, account) in &test.accounts {
        for (key, value) in &account.storage {
            storage.insert((*address, *key), *value);
        }
    }
    let create = test.to.is_none() && done.result.is_success(); // its output is the code
    let output = done.result.output().filter(|_| !create);
    let mut out = Outcome {
        ending,
        spent: gas.total_gas_spent(),
        refund: gas.inner_refunded(),
        output: output.map_or_else(Vec::new, |b| b.to_vec()),
        logs: logs
            .iter()
            .map(|l| Log {
                address: l.address.into_array(),
                topics: l.data.topics().iter().map(|t| t.0).collect(),
                data: l.data.data.to_vec(),
            })
            .collect(),
        accounts: test.accounts.clone(),
        storage,
    };
    apply(&mut out, done.state);
    Ok(out)
}
