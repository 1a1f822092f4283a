//! revm by FISCO's rules (spec of the node's v1 executor): its prices, and its precompiled contracts.
//! Written from the rules, not from our interpreter, so that gas can be compared to the last unit.
use revm::{
    bytecode::opcode,
    context_interface::cfg::gas_params::{GasId, GasParams},
    interpreter::instructions::GasTable,
    precompile::{
        blake2, bn254, crypto, modexp, EthPrecompileResult, Precompile, PrecompileOutput,
        PrecompileResult, PrecompileSpecId, Precompiles,
    },
    primitives::{hardfork::SpecId, Bytes},
};
use std::sync::OnceLock;

const COLD_ACCOUNT: u16 = 2600;
const COLD_SLOAD: u16 = 2100;
const SSTORE: u64 = 5000;

/// What an instruction costs whatever it finds: all is cold.
pub fn fixed_prices(table: &mut GasTable) {
    for op in [
        opcode::BALANCE,
        opcode::EXTCODESIZE,
        opcode::EXTCODECOPY,
        opcode::EXTCODEHASH,
        opcode::CALL,
        opcode::CALLCODE,
        opcode::DELEGATECALL,
        opcode::STATICCALL,
    ] {
        table[op as usize] = COLD_ACCOUNT;
    }
    table[opcode::SLOAD as usize] = COLD_SLOAD;
    table[opcode::SELFDESTRUCT as usize] += COLD_ACCOUNT;
}

/// And the rest: nothing on top for cold or new accounts, one price of SSTORE, no refunds.
pub fn prices(spec: SpecId) -> GasParams {
    let mut params = GasParams::new_spec(spec);
    params.override_gas([(GasId::sstore_static(), SSTORE)]);
    params.override_gas(
        [
            GasId::cold_account_additional_cost(),
            GasId::cold_storage_additional_cost(),
            GasId::cold_storage_cost(),
            GasId::warm_storage_read_cost(), // on top of what a cold heir of SELFDESTRUCT costs
            GasId::new_account_cost(),
            GasId::new_account_cost_for_selfdestruct(),
            GasId::sstore_set_without_load_cost(),
            GasId::sstore_reset_without_cold_load_cost(),
            GasId::sstore_set_refund(),
            GasId::sstore_reset_refund(),
            GasId::sstore_clearing_slot_refund(),
            GasId::selfdestruct_refund(),
        ]
        .map(|id| (id, 0)),
    );
    params
}

/* ---- precompiled contracts ---- */

/// More than 96 bytes or nothing; of the recovery word only the last byte counts.
fn ecrecover(input: &[u8], _gas: u64, reservoir: u64) -> PrecompileResult {
    let mut output = Bytes::new();
    if input.len() > 96 {
        let mut data = [0; 128];
        let n = input.len().min(128);
        data[..n].copy_from_slice(&input[..n]);
        let (digest, signature) = (data[..32].try_into(), data[64..].try_into());
        let id = data[63].wrapping_sub(27);
        if id < 4 {
            let found = crypto().secp256k1_ecrecover(&signature.unwrap(), id, &digest.unwrap());
            output = found.map_or(Bytes::new(), |word| Bytes::from(word.to_vec()));
        }
    }
    Ok(PrecompileOutput::new(3000, output, reservoir))
}

/// Failure is a revert that has cost the price, with an output.
fn or_revert(
    done: EthPrecompileResult,
    price: u64,
    output: &'static [u8],
    reservoir: u64,
) -> PrecompileResult {
    Ok(match done {
        Err(halt) if !halt.is_oog() => {
            PrecompileOutput::revert(price, Bytes::from_static(output), reservoir)
        }
        other => PrecompileOutput::from_eth_result(other, reservoir),
    })
}

fn add(input: &[u8], gas: u64, reservoir: u64) -> PrecompileResult {
    or_revert(bn254::run_add(input, 150, gas), 150, &[0; 64], reservoir)
}

fn mul(input: &[u8], gas: u64, reservoir: u64) -> PrecompileResult {
    or_revert(bn254::run_mul(input, 6000, gas), 6000, &[0; 64], reservoir)
}

fn pairing(input: &[u8], gas: u64, reservoir: u64) -> PrecompileResult {
    let price = 45000 + 34000 * (input.len() as u64 / 192);
    or_revert(
        bn254::run_pair(input, 34000, 45000, gas),
        price,
        &[0; 32],
        reservoir,
    )
}

fn blake2f(input: &[u8], gas: u64, reservoir: u64) -> PrecompileResult {
    let rounds = input.first_chunk().map_or(0, |b| u32::from_be_bytes(*b));
    or_revert(blake2::run(input, gas), u64::from(rounds), &[], reservoir)
}

pub fn precompiles(spec: SpecId) -> &'static Precompiles {
    static SETS: [OnceLock<Precompiles>; 2] = [const { OnceLock::new() }; 2];
    SETS[usize::from(spec >= SpecId::CANCUN)].get_or_init(|| {
        let theirs = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
        let mut set = theirs.clone();
        let run = [
            (1, ecrecover as fn(&[u8], u64, u64) -> PrecompileResult),
            (6, add),
            (7, mul),
            (8, pairing),
            (9, blake2f),
        ];
        set.extend(run.map(|(number, run)| {
            let p = theirs
                .get(&revm::precompile::u64_to_address(number))
                .unwrap();
            Precompile::new(p.id().clone(), *p.address(), run)
        }));
        set.extend([modexp::BYZANTIUM]);
        set
    })
}
