// What the programs share: arguments, compiled contracts, cases that are counted.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

export { assert };

const here = dirname(fileURLToPath(import.meta.url));

// --name value pairs over the defaults
export function args(defaults) {
    const found = { ...defaults };
    const words = process.argv.slice(2);
    for (let i = 0; i < words.length; i += 2) {
        const name = words[i].replace(/^--/, '');
        if (!(name in defaults) || words[i + 1] === undefined) {
            console.error(`usage: ${Object.keys(defaults).map((k) => `--${k} VALUE`).join(' ')}`);
            process.exit(2);
        }
        found[name] = typeof defaults[name] === 'number' ? Number(words[i + 1]) : words[i + 1];
    }
    return found;
}

export function contract(name) {
    return JSON.parse(readFileSync(join(here, 'build', `${name}.json`), 'utf8'));
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Rejects when the promise has not settled in time: a client that waits for ever is a failure.
export function within(ms, promise, what = 'no answer') {
    let timer;
    const late = new Promise((_, fail) => {
        timer = setTimeout(() => fail(new Error(`${what} within ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// The receipt of a transaction sent with ethers, whose wait() looks again only when a new block comes.
// A block between its first look at the receipt and its first look at the height goes unnoticed, and
// on an idle chain no other one follows. So it is asked anew.
export async function mined(tx, ms = 30000) {
    for (const end = Date.now() + ms; ;) {
        try {
            return await tx.wait(1, 3000);
        } catch (e) {
            if (e?.code !== 'TIMEOUT' || Date.now() >= end)
                throw e;
        }
    }
}

let passed = 0;
let failed = 0;

// One case: one line. With `needed`, nothing after it makes sense when it fails.
export async function test(name, run, { needed = false, ms = 60000 } = {}) {
    try {
        await within(ms, run(), 'not done');
        passed++;
        console.log(`ok ${name}`);
    } catch (e) {
        failed++;
        const why = String(e?.shortMessage ?? e?.message ?? e).split('\n')[0];
        console.log(`FAIL ${name} ${why}`);
        if (process.env.VERBOSE)
            console.log(e);
        if (needed)
            finish();
    }
}

export function finish() {
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

// Runs work(i) for i < n, at most `width` at a time.
export async function each(n, width, work) {
    let next = 0;
    const lane = async () => {
        while (next < n)
            await work(next++);
    };
    await Promise.all(Array.from({ length: Math.min(n, width) }, lane));
}

// A plain JSON-RPC request, for what libraries hide.
export async function rpc(url, method, params = []) {
    const reply = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return reply.json();
}
