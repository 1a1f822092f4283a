//! revm on the same accounts.
use revm::{
    context::{BlockEnv, CfgEnv, Journal, TxEnv},
    context_interface::result::{ExecutionResult, Output},
    database_interface::Database,
    primitives::{hardfork::SpecId, Address, Bytes, HashMap, TxKind, B256, U256},
    state::{AccountInfo, Bytecode},
    Context, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
};
use std::convert::Infallible;

/// Accounts with analysed code and no storage.
#[derive(Default)]
pub struct Accounts(HashMap<Address, AccountInfo>);

impl Database for Accounts {
    type Error = Infallible;
    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.0.get(&address).cloned())
    }
    fn code_by_hash(&mut self, _hash: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }
    fn storage(&mut self, _address: Address, _index: U256) -> Result<U256, Infallible> {
        Ok(U256::ZERO)
    }
    fn block_hash(&mut self, _number: u64) -> Result<B256, Infallible> {
        Ok(B256::ZERO)
    }
}

type Evm = MainnetEvm<Context<BlockEnv, TxEnv, CfgEnv, Accounts, Journal<Accounts>, ()>>;

pub struct Revm {
    evm: Evm,
    input: Bytes,
    to: Address,
    gas: u64,
}

/// What a transaction to a contract costs before its first instruction.
fn intrinsic(input: &[u8]) -> u64 {
    let zeros = input.iter().filter(|b| **b == 0).count() as u64;
    21000 + 4 * zeros + 16 * (input.len() as u64 - zeros)
}

impl Revm {
    pub fn new(accounts: &[([u8; 20], Vec<u8>)], input: &[u8], gas: u64) -> Revm {
        let mut db = Accounts::default();
        for (address, code) in accounts {
            let code = Bytecode::new_raw(Bytes::from(code.clone()));
            db.0.insert(Address::from(*address), AccountInfo::from_bytecode(code));
        }
        let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
        cfg.disable_nonce_check = true;
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        let context = Context::mainnet()
            .with_db(db)
            .with_cfg(cfg)
            .with_block(BlockEnv {
                number: U256::ZERO,
                timestamp: U256::from(1),
                gas_limit: u64::MAX,
                ..BlockEnv::default()
            });
        Revm {
            evm: context.build_mainnet(),
            input: Bytes::from(input.to_vec()),
            to: Address::from(accounts[0].0),
            gas: gas + intrinsic(input),
        }
    }

    fn once(&mut self) -> ExecutionResult {
        let tx = TxEnv {
            caller: Address::with_last_byte(0xee),
            gas_limit: self.gas,
            kind: TxKind::Call(self.to),
            data: self.input.clone(),
            ..TxEnv::default()
        };
        self.evm
            .transact(tx)
            .expect("revm refuses the transaction")
            .result
    }

    pub fn spin(&mut self) {
        std::hint::black_box(self.once().is_success());
    }

    /// Success, gas without the transaction's own, output, logs.
    pub fn run(&mut self) -> (bool, u64, Vec<u8>, usize) {
        let cost = intrinsic(&self.input);
        match self.once() {
            ExecutionResult::Success {
                gas,
                logs,
                output: Output::Call(out),
                ..
            } => (true, gas.total_gas_spent() - cost, out.to_vec(), logs.len()),
            other => (false, other.tx_gas_used(), Vec::new(), 0),
        }
    }
}
