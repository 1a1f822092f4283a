// The ABI codec against ethers': random types and values, encoded by ethers, must come out of
// cbcos-abi (decoded and encoded again) as the same bytes.
//
//   node tests/e2e/web3/abi.mjs --tool build/release/bin/cbcos-abi [--count N] [--seed N]
import { spawnSync } from 'node:child_process';
import { AbiCoder, hexlify } from 'ethers';
import { args, assert, finish, test } from './lib.mjs';

const { tool, count, seed } = args({ tool: 'build/release/bin/cbcos-abi', count: 4000, seed: 1 });

// mulberry32: a failure is a seed
let state = seed >>> 0;
function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = (n) => Math.floor(random() * n);
const bytes = (n) => Uint8Array.from({ length: n }, () => pick(256));

// A type as { text, make }: make gives a random value of it.
function type(depth) {
    const kind = pick(depth > 0 ? 10 : 7);
    switch (kind) {
    case 0: {
        const bits = 8 * (1 + pick(32));
        return { text: `uint${bits}`, make: () => BigInt(hexlify(bytes(bits / 8))) >> BigInt(pick(bits)) };
    }
    case 1: {
        const bits = 8 * (1 + pick(32));
        return { text: `int${bits}`, make: () => BigInt.asIntN(bits, BigInt(hexlify(bytes(bits / 8))) >> BigInt(pick(2) * pick(bits))) };
    }
    case 2: return { text: 'bool', make: () => pick(2) === 1 };
    case 3: return { text: 'address', make: () => hexlify(bytes(20)) };
    case 4: {
        const n = 1 + pick(32);
        return { text: `bytes${n}`, make: () => hexlify(bytes(n)) };
    }
    case 5: return { text: 'bytes', make: () => hexlify(bytes(pick(3) ? pick(40) : pick(200))) };
    case 6: return { text: 'string', make: () => 'aé漢🙂z'.repeat(pick(12)) };
    case 7: {
        const item = type(depth - 1);
        return { text: `${item.text}[]`, make: () => Array.from({ length: pick(5) }, item.make) };
    }
    case 8: {
        const item = type(depth - 1);
        const n = 1 + pick(4);
        return { text: `${item.text}[${n}]`, make: () => Array.from({ length: n }, item.make) };
    }
    default: {
        const members = Array.from({ length: 1 + pick(4) }, () => type(depth - 1));
        return { text: `(${members.map((m) => m.text).join(',')})`, make: () => members.map((m) => m.make()) };
    }
    }
}

await test(`${count} random values, seed ${seed}`, async () => {
    const coder = AbiCoder.defaultAbiCoder();
    const lines = [];
    const wanted = [];
    for (let i = 0; i < count; i++) {
        const members = Array.from({ length: 1 + pick(4) }, () => type(3));
        const encoded = coder.encode(members.map((m) => m.text.replaceAll('(', 'tuple(')), members.map((m) => m.make()));
        lines.push(`(${members.map((m) => m.text).join(',')}) ${encoded.slice(2)}`);
        wanted.push(encoded.slice(2));
    }
    const run = spawnSync(tool, { input: `${lines.join('\n')}\n`, maxBuffer: 1 << 30 });
    assert.equal(run.status, 0, run.error?.message ?? run.stderr.toString());
    const got = run.stdout.toString().trimEnd().split('\n');
    assert.equal(got.length, count);
    for (let i = 0; i < count; i++)
        assert.equal(got[i], wanted[i], `value ${i}: ${lines[i]}`);
}, { ms: 120000 });
finish();
