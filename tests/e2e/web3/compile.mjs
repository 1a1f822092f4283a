// Compiles contracts/*.sol to build/NAME.json: {abi, bytecode}.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import solc from 'solc';

const here = dirname(fileURLToPath(import.meta.url));
const input = {
    language: 'Solidity',
    sources: {},
    settings: {
        evmVersion: 'cancun',
        optimizer: { enabled: true, runs: 200 },
        outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
};
for (const name of readdirSync(join(here, 'contracts')))
    input.sources[name] = { content: readFileSync(join(here, 'contracts', name), 'utf8') };
const find = (path) => {
    try {
        return { contents: readFileSync(join(here, 'node_modules', path), 'utf8') };
    } catch {
        return { error: `no ${path}` };
    }
};
const result = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
const errors = (result.errors ?? []).filter((e) => e.severity === 'error');
if (errors.length > 0) {
    console.error(errors.map((e) => e.formattedMessage).join('\n'));
    process.exit(1);
}
mkdirSync(join(here, 'build'), { recursive: true });
for (const source of Object.keys(input.sources))
    for (const [name, c] of Object.entries(result.contracts[source]))
        writeFileSync(join(here, 'build', `${name}.json`),
            JSON.stringify({ abi: c.abi, bytecode: `0x${c.evm.bytecode.object}` }));
