// node cases.mjs: prints the cases of bench/evm, one a line:
//   NAME GROUP INPUT ADDRESS=CODE [ADDRESS=CODE...]
// all in hex; the first address is called. GROUP is compute (enters the mean), state or precompile.
// solc comes from the packages of contracts/ (npm).
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(join(here, '../../contracts/package.json'))('solc');

/* ---- Solidity ---- */

function compile() {
    const source = { content: readFileSync(join(here, 'Cases.sol'), 'utf8') };
    const input = {
        language: 'Solidity',
        sources: { 'Cases.sol': source },
        settings: {
            evmVersion: 'cancun',
            optimizer: { enabled: true, runs: 10000 },
            metadata: { bytecodeHash: 'none', appendCBOR: false },
            outputSelection: { '*': { '*': ['evm.deployedBytecode.object', 'evm.methodIdentifiers'] } },
        },
    };
    const result = JSON.parse(solc.compile(JSON.stringify(input)));
    const errors = (result.errors ?? []).filter((e) => e.severity === 'error');
    if (errors.length > 0)
        throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
    return result.contracts['Cases.sol'];
}

const word = (n) => BigInt(n).toString(16).padStart(64, '0');
const contracts = compile();
const code = (name) => contracts[name].evm.deployedBytecode.object;
const run = (name, n) => contracts[name].evm.methodIdentifiers['run(uint256)'] + word(n);

/* ---- instructions ---- */

const opcodes = {
    STOP: 0x00, ADD: 0x01, MUL: 0x02, SUB: 0x03, DIV: 0x04, MOD: 0x06, ADDMOD: 0x08, MULMOD: 0x09,
    EXP: 0x0a, LT: 0x10, AND: 0x16, XOR: 0x18, NOT: 0x19, SHL: 0x1b, SHR: 0x1c, KECCAK256: 0x20,
    CALLDATALOAD: 0x35, CALLDATASIZE: 0x36, CALLDATACOPY: 0x37, POP: 0x50, MLOAD: 0x51, MSTORE: 0x52,
    JUMP: 0x56, JUMPI: 0x57, GAS: 0x5a, JUMPDEST: 0x5b, MCOPY: 0x5e, RETURN: 0xf3, CALL: 0xf1,
    STATICCALL: 0xfa, REVERT: 0xfd,
};
for (let i = 1; i <= 16; i++) {
    opcodes[`DUP${i}`] = 0x7f + i;
    opcodes[`SWAP${i}`] = 0x8f + i;
}

// Words: an instruction, a number (pushed in as few bytes as it takes), `name:` (JUMPDEST), `@name`.
function assemble(text) {
    const labels = {}, patches = [];
    let out = '';
    for (const w of text.trim().split(/\s+/)) {
        if (w.endsWith(':')) {
            labels[w.slice(0, -1)] = out.length / 2;
            out += '5b';
        } else if (w.startsWith('@')) {
            patches.push([out.length + 2, w.slice(1)]);
            out += '610000';
        } else if (/^[0-9]/.test(w)) {
            let hex = BigInt(w).toString(16);
            hex = w === '0' ? '' : hex.padStart(hex.length + (hex.length % 2), '0');
            out += (0x5f + hex.length / 2).toString(16) + hex;
        } else if (w in opcodes) {
            out += opcodes[w].toString(16).padStart(2, '0');
        } else {
            throw new Error(`no instruction ${w}`);
        }
    }
    for (const [at, name] of patches)
        out = out.slice(0, at) + labels[name].toString(16).padStart(4, '0') + out.slice(at + 4);
    return out;
}

// body, n times, on a stack of [counter, x]; returns x.
const loop = (n, body, before = '') => assemble(`
    ${before} 0x123456789abcdef0fedcba9876543210 ${n}
    again: SWAP1 ${body} SWAP1 1 SWAP1 SUB DUP1 @again JUMPI
    POP 0 MSTORE 32 0 RETURN`);

const M = '0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f';
const big = '0xdeadbeefcafebabe0123456789abcdef00112233445566778899aabbccddeeff';
const arithmetic = `DUP1 ${big} MUL ADD 7 SHR ${big} XOR DUP1 DUP1 MUL 1 ADD ADD`;
const modular = `${M} ${big} DUP3 MULMOD ${M} SWAP2 ADDMOD`;
const division = `DUP1 0xfedcba98765432100123456789abcdef SWAP1 DIV
    DUP2 0x89abcdef0123456789abcdeffedcba9876543211 SWAP1 MOD ADD ADD ${big} XOR`;
const keccak = '0 MSTORE 32 0 KECCAK256';
const keccakLong = '0 MSTORE 2048 0 KECCAK256';
const copies = '64 MSTORE 1024 64 2048 MCOPY 1024 2048 96 MCOPY 96 MLOAD 1 ADD';

// Points of the curve y^2 = x^3 + 3 for the precompiled contracts: the generators.
const G1 = word(1) + word(2);
const G1neg = word(1) + word(0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd45n);
const G2 =
    '198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2' +
    '1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed' +
    '090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b' +
    '12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa';

// Calls a precompiled contract n times with the call data; for n > 1 the first `chain` bytes of the
// answer become its first bytes of input the next time.
function precompiled(number, n, input, out, chain) {
    const text = `CALLDATASIZE 0 0 CALLDATACOPY ${n}
        again: ${out} ${chain ? 0 : 4096} CALLDATASIZE 0 ${number} GAS STATICCALL @fine JUMPI 0 0 REVERT
        fine: 1 SWAP1 SUB DUP1 @again JUMPI ${out} ${chain ? 0 : 4096} RETURN`;
    return [input, assemble(text)];
}

/* ---- the list ---- */

const SELF = 'c0000000000000000000000000000000000000ff';
const TOKEN0 = 'c000000000000000000000000000000000000001';
const TOKEN1 = 'c000000000000000000000000000000000000002';
const PAIR = 'c000000000000000000000000000000000000003';

function put(name, group, input, self, others = {}) {
    const accounts = [[SELF, self], ...Object.entries(others)].map(([a, c]) => `${a}=${c}`);
    console.log([name, group, input || '-', ...accounts].join(' '));
}

put('loop', 'compute', '', loop(400000, ''));
put('arithmetic', 'compute', '', loop(100000, arithmetic));
put('modular', 'compute', '', loop(60000, modular));
put('division', 'compute', '', loop(100000, division));
put('keccak-32', 'compute', '', loop(20000, keccak));
put('keccak-2048', 'compute', '', loop(1000, keccakLong));
put('mcopy', 'compute', '', loop(40000, copies));
put('sha1', 'compute', run('Sha1', 40), code('Sha1'));
put('arrays', 'compute', run('Arrays', 8000), code('Arrays'));
put('swap', 'compute', run('Swap', 2000), code('Swap'));
put('ray', 'compute', run('Ray', 10), code('Ray'));
put('calls', 'state', '', loop(20000, `0 0 0 0 0xc000000000000000000000000000000000000001 GAS STATICCALL ADD`),
    { [TOKEN0]: assemble('0 0 RETURN') });
put('storage', 'state', run('Store', 1000), code('Store'));
put('erc20', 'state', run('Transfers', 1000), code('Transfers'), { [TOKEN0]: code('Token') });
put('defi', 'state', run('Trader', 200), code('Trader'),
    { [TOKEN0]: code('Token'), [TOKEN1]: code('Token'), [PAIR]: code('Pair') });
put('ec-add', 'precompile', ...precompiled(6, 500, G1 + G1, 64, true));
put('ec-mul', 'precompile', ...precompiled(7, 50, G1 + word('0x2523648240000001ba344d8000000007ff9f800000000010a10000000000000d'), 64, true));
put('ec-pairing', 'precompile', ...precompiled(8, 4, G1 + G2 + G1neg + G2, 32, false));
