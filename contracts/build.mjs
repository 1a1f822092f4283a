// node build.mjs [--check] [--sm SOLC]: compiles the committee to src/protocol/committee_code.c and
// the benchmark's contract to apps/bench/contract_code.c.
//   --check    compares with the files that are there instead of writing them; exit 1 if they differ
//   --sm SOLC  the SM compiler (native/sm/linux/solc/solc of Maven's org.fisco-bcos:solcJ:0.5.2.0);
//              without it the SM part of the present file is kept and not checked
// Byte code is part of a chain's identity (it runs in block 0): a change of it makes new chains
// differ from old ones, so compiler and settings stay as they are.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync, existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'committee');
const output = join(here, '..', 'src', 'protocol', 'committee_code.c');
const check = process.argv.includes('--check');
const smAt = process.argv.indexOf('--sm');

function compileStandard(folder, main) {
    const input = {
        language: 'Solidity',
        sources: {},
        settings: {
            evmVersion: 'paris', // no PUSH0: executor version 0 runs it too
            optimizer: { enabled: true, runs: 200 },
            metadata: { bytecodeHash: 'none', appendCBOR: false },
            outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
        },
    };
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.sol')).sort())
        input.sources[name] = { content: readFileSync(join(folder, name), 'utf8') };
    const result = JSON.parse(solc.compile(JSON.stringify(input)));
    const errors = (result.errors ?? []).filter((e) => e.severity === 'error');
    if (errors.length > 0)
        throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
    return result.contracts[`${main}.sol`][main];
}

function compileSm(program) {
    const text = execFileSync(program, ['--optimize', '--combined-json', 'bin', 'CommitteeManager.sol'], {
        cwd: sources,
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, LD_LIBRARY_PATH: dirname(program) },
    }).toString();
    const bin = JSON.parse(text).contracts['CommitteeManager.sol:CommitteeManager'].bin;
    // The old compiler ends the code with a metadata hash; it depends on nothing but the sources.
    return bin;
}

function array(name, hex) {
    const bytes = hex.match(/../g).map((b) => `0x${b}`);
    const lines = [];
    for (let i = 0; i < bytes.length; i += 16)
        lines.push('    ' + bytes.slice(i, i + 16).join(', ') + ',');
    return `static const uint8_t ${name}[${bytes.length}] = {\n${lines.join('\n')}\n};\n`;
}

const manager = compileStandard(sources, 'CommitteeManager');
const old = existsSync(output) ? readFileSync(output, 'utf8') : '';
let sm;
if (smAt > 0) {
    sm = array('code_sm', compileSm(process.argv[smAt + 1]));
} else {
    sm = old.match(/static const uint8_t code_sm\[[^;]*;\n/)?.[0];
    if (!sm)
        throw new Error('no SM code yet: give --sm');
}
const text = `/* Made by contracts/build.mjs from contracts/committee: npm solc ${solc.version().split('+')[0]}
 * (optimizer 200 runs, evmVersion paris) and, with SM3 selectors, solcJ 0.5.2.0. Do not edit. */
#include "protocol/committee_code.h"

/* clang-format off */
${array('code_standard', manager.evm.bytecode.object)}
${sm}/* clang-format on */

bc_bytes_t bc_committee_code(bc_suite_t suite)
{
    return suite == BC_SUITE_SM ? bc_bytes(code_sm, sizeof(code_sm)) :
                                  bc_bytes(code_standard, sizeof(code_standard));
}
`;
const bench = compileStandard(join(here, 'bench'), 'Bench');
const benchText = `/* Made by contracts/build.mjs from contracts/bench: npm solc ${solc.version().split('+')[0]}
 * (optimizer 200 runs, evmVersion paris). Do not edit. */
#include "bench/contract_code.h"

/* clang-format off */
${array('code', bench.evm.bytecode.object)}/* clang-format on */

bc_bytes_t bench_code(void)
{
    return bc_bytes(code, sizeof(code));
}
`;

function put(file, made) {
    const name = basename(file);
    if (!check) {
        writeFileSync(file, made);
        console.log(`${name}: written`);
    } else if (existsSync(file) && readFileSync(file, 'utf8') === made) {
        console.log(`${name}: fresh`);
    } else {
        console.error(`${name} is not what its sources compile to`);
        process.exitCode = 1;
    }
}
put(output, text);
put(join(here, '..', 'apps', 'bench', 'contract_code.c'), benchText);
