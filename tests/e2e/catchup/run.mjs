// A node that is far behind catches up: how fast, in how much memory, and what it tells of it.
//
//   node tests/e2e/catchup/run.mjs [--cbcos build/release/bin/cbcos] [--blocks 1500] [--rate 500] [--keep]
//
// One sealer makes blocks of a few transactions as fast as it can; then a node outside the group, with
// nothing but the genesis block, downloads, checks, executes and writes them all. What it needs for
// executing and writing alone, one after the other, is the measure: it counts the time of both. An hour
// of small blocks of a busy chain: --blocks 100000 (ten minutes here).
// Prints "ok NAME" or "FAIL NAME why", then "N passed, M failed".
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { Chain, configure, must, now, sleep } from '../network/lib.mjs';
import { options, run } from '../network/scenarios.mjs';

const MB = 1 << 20, OWN_MB = 64;

// The first node alone is in the group; it seals without waiting, and serves strangers.
function arrange(chain) {
    for (const n of chain.nodes) {
        const genesis = `${n.dir}/config.genesis`;
        writeFileSync(genesis, readFileSync(genesis, 'utf8').replace(/^\s*node\.1\s*=.*\n/m, ''));
        configure(n, 'consensus', { min_seal_time: 1 });
        configure(n, 'sync', { allow_free_node: true });
    }
    const genesis = readFileSync(`${chain.nodes[0].dir}/config.genesis`, 'utf8');
    chain.sealer = chain.nodes.find((n) => genesis.includes(n.id));
    chain.behind = chain.nodes.find((n) => n !== chain.sealer);
}

async function metrics(node, ...names) {
    const text = await new Promise((done, fail) => {
        http.get({ host: '127.0.0.1', port: node.monitorPort, path: '/metrics' }, (reply) => {
            const parts = [];
            reply.on('data', (d) => parts.push(d));
            reply.on('end', () => done(Buffer.concat(parts).toString()));
        }).on('error', fail);
    });
    return names.map((name) => {
        const value = new RegExp(`^${name} (\\d+)`, 'm').exec(text);
        must(value, `no ${name} among the metrics`);
        return Number(value[1]);
    });
}

const lines = (node, word) => readdirSync(`${node.dir}/log`)
    .flatMap((f) => readFileSync(`${node.dir}/log/${f}`, 'utf8').split('\n')).filter((l) => l.includes(word));

// A line now and then on the way, for whoever waits.
function progress(what, at, of) {
    if (now() - progress.last > 10000) {
        console.log(`  ${what}: ${at} of ${of}`);
        progress.last = now();
    }
}
progress.last = now();

const scenarios = {
    async catchup(chain, o) {
        const { sealer, behind } = chain;
        const load = chain.load({ nodes: [sealer], rate: o.rate });
        const began = now();
        for (let at = 0; at < o.blocks; await sleep(100)) {
            at = await sealer.height();
            progress('blocks made', at, o.blocks);
        }
        const making = (now() - began) / 1000;
        await load.end();
        const top = await sealer.height();
        const txs = Number((await sealer.rpc('getTotalTransactionCount', 'group0', '')).transactionCount);

        behind.start();
        const from = now();
        await behind.serving();
        const memory = [];
        for (let at = 0; at < top; await sleep(50)) {
            at = await behind.height();
            const { rss } = behind.usage();
            const [cache, memtable] = await metrics(behind, 'cbcos_storage_cache_bytes', 'cbcos_storage_memtable_bytes');
            memory.push({ at, rss, own: rss - cache - memtable }); // those two fill to limits of their own
            progress('blocks fetched', at, top);
            must(now() - from < 60000 + top * 20, `at block ${at} of ${top} after ${Math.round(now() - from)} ms`);
        }
        const took = (now() - from) / 1000;
        const [executing, writing] = await metrics(behind, 'cbcos_execute_microseconds_total', 'cbcos_write_microseconds_total');
        const alone = (executing + writing) / 1e6;

        for (let n = top; n > 0; n -= Math.max(1, Math.floor(top / 50))) {
            const [a, b] = await Promise.all([sealer.block(n), behind.block(n)]);
            must(JSON.stringify(a) === JSON.stringify(b), `block ${n}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
        }
        must(lines(behind, '[BLOCKSYNC]caught up,').length > 0, 'no line tells that it has caught up');
        must(took < 12 || lines(behind, '[BLOCKSYNC]catching up,').length > 0, 'no line tells of the progress');
        const third = (i) => memory.filter((m) => m.at > top * i / 3 && m.at <= top * (i + 1) / 3).map((m) => m.own);
        const [second, last] = [1, 2].map((i) => Math.max(...third(i)) / MB);
        // a short run ends before memory has settled
        must(last < OWN_MB && !(took > 12 && last > second * 1.1 + 4), `resident memory beside caches and memtables grows: ${second.toFixed(0)} MB, then ${last.toFixed(0)} MB`);
        return `${top} blocks of ${txs} transactions (made at ${Math.round(top / making)}/s) in ${took.toFixed(1)} s: ${Math.round(top / took)}/s, `
            + `${Math.round(alone / took * 100)} % of executing and writing alone (${Math.round(top / alone)}/s); `
            + `at most ${Math.round(Math.max(...memory.map((m) => m.rss)) / MB)} MB, `
            + `beside caches and memtables ${Math.round(second)} MB, then ${Math.round(last)} MB`;
    },
};

const o = options({ cbcos: 'build/release/bin/cbcos', only: '', blocks: 1500, rate: 500, keep: false, list: false },
                  'run.mjs [--cbcos FILE] [--blocks N] [--rate N] [--keep]');
await run(scenarios, o, {
    build: async (cbcos) => {
        const chain = await Chain.build(cbcos, { ...o, nodes: 2 });
        arrange(chain);
        chain.sealer.start();
        return chain;
    },
    ready: (chain) => chain.sealer.serving(),
});
