// Four real nodes on loopback: load, kills, restarts, bad input.
//
//   node tests/e2e/network/run.mjs --cbcos build/release/bin/cbcos [--only a,b] [--crashes 3]
//                                  [--keep] [--hold] [--debug] [--sanitized] [--sm] [--pages] [--list]
//
// --keep leaves the chain's files, --hold leaves its nodes running too after a failure until this
// program is interrupted, --debug has them log more, --sanitized expects no small memory;
// --sm makes a chain with SM2 and SM3, --pages one with pages of keys.
//
// Needs cbcos-sender beside cbcos. Prints "ok NAME" or "FAIL NAME why", then "N passed, M failed".
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { attack, badConfigs } from './bad.mjs';
import { bench, Chain, configure, must, now, post, sleep, until } from './lib.mjs';
import { options, run } from './scenarios.mjs';

const MB = 1 << 20;

async function withConfig(nodes, section, values, work) {
    const before = nodes.map((n) => configure(n, section, values));
    try {
        return await work();
    } finally {
        nodes.forEach((n, i) => writeFileSync(`${n.dir}/config.ini`, before[i]));
    }
}

const scenarios = {
    async agree(chain) {
        const told = [];
        for (const over of ['http', 'ws', 'web3']) {
            const r = await bench(chain, 'transfer', '--over', over, '--count', '1000');
            must(r.committed === 1000, `${over}: ${r.committed} of 1000 committed`);
            told.push(`${over} ${Math.round(r.tps)}/s p50 ${Math.round(r.latency_ms.p50)} ms`);
        }
        const top = await chain.level();
        await chain.agree();
        return `${top} blocks; ${told.join(', ')}`;
    },

    async follower(chain) {
        const load = chain.load();
        await load.more(100);
        const { node: leader } = await chain.nodes[0].leader();
        const victim = chain.nodes.find((n) => n !== leader && n.index !== 0);
        const from = await victim.height();
        await victim.end('SIGKILL');
        await load.more(300, 30000);
        victim.start();
        const up = await victim.serving();
        const top = await chain.level(30000);
        await load.more(100);
        await load.end();
        await chain.level();
        await chain.agree(Math.max(1, from - 3));
        await load.isOn(victim);
        return `node${victim.index} missed ${top - from} blocks, served after ${Math.round(up)} ms`;
    },

    // Two transactions of one hash go to two nodes at once: all execute the same one.
    async variants(chain) {
        const from = await chain.level();
        const load = chain.load({ rate: 100, over: 'ws', variants: true });
        await load.more(500, 60000);
        await load.end();
        const top = await chain.level();
        await chain.agree(from);
        let moved = 0;
        for (const hash of load.told.keys()) {
            const all = await Promise.all(chain.nodes.map((n) => n.rpc('getTransaction', 'group0', '', hash, false)));
            const said = all.map((t) => `${t.input} ${t.abi}`);
            must(said.every((t) => t === said[0]), () => `${hash}: ${said.join('; ')}`);
            moved += all[0].abi === 'x';
        }
        must(moved > 0 && moved < load.told.size, `${moved} of ${load.told.size} are the second one`);
        return `${top - from} blocks, ${load.told.size} transactions, ${moved} of them as the second node got them`;
    },

    // Four of six sealers work, and a VRF chooses others every three blocks; each node in turn is killed
    // and comes back, whether it works just then or not.
    async rotation(chain, o) {
        const own = await Chain.build(chain.cbcos, { ...o, nodes: 6, epoch: 3 });
        try {
            await own.startAll();
            const load = own.load();
            await load.more(100);
            const working = new Map(); // how often each was seen at work
            const lists = new Set();
            const look = async (node) => {
                const ids = (await node.rpc('getSealerList', 'group0', '')).map((s) => s.nodeID).sort();
                must(ids.length === 4, `${ids.length} sealers work`);
                lists.add(ids.join());
                ids.forEach((id) => working.set(id, (working.get(id) ?? 0) + 1));
            };
            for (const victim of own.nodes) {
                const other = own.nodes.find((n) => n !== victim);
                await victim.end('SIGKILL');
                for (let i = 0; i < 4; i++) {
                    await own.grows(other, 1, 20000);
                    await look(other);
                }
                victim.start();
                await victim.serving();
                await own.level(30000);
            }
            await load.more(100, 30000);
            await load.end();
            const top = await own.level();
            await own.agree();
            for (const n of own.nodes)
                await load.isOn(n);
            must(lists.size >= 3, `only ${lists.size} lists were seen`);
            must(working.size === 6, `only ${working.size} of 6 nodes ever worked`);
            return `${top} blocks, ${lists.size} lists of sealers seen, 6 kills`;
        } finally {
            await own.close();
        }
    },

    async leader(chain) {
        const load = chain.load();
        await load.more(100);
        const { node: victim } = await chain.nodes[0].leader();
        const other = chain.nodes.find((n) => n !== victim);
        const from = await other.height();
        await victim.end('SIGKILL');
        let gap = 0; // six blocks: the dead node's turn comes at least once
        for (let i = 0; i < 6; i++) {
            const last = now();
            await chain.grows(other, 1, 10000);
            gap = Math.max(gap, now() - last);
        }
        await load.more(50);
        victim.start();
        await victim.serving();
        await chain.level(30000);
        await load.more(50);
        await load.end();
        await chain.level();
        await chain.agree(Math.max(1, from - 3));
        await load.isOn(victim);
        return `node${victim.index} killed, longest wait for a block ${Math.round(gap)} ms`;
    },

    // A leader that hangs keeps its connections: only time tells.
    async pause(chain) {
        const load = chain.load();
        await load.more(100);
        const { node: victim } = await chain.nodes[0].leader();
        const other = chain.nodes.find((n) => n !== victim);
        const from = await other.height();
        victim.proc.kill('SIGSTOP');
        let gap = 0;
        for (let i = 0; i < 6; i++) {
            const last = now();
            await chain.grows(other, 1, 20000);
            gap = Math.max(gap, now() - last);
        }
        victim.proc.kill('SIGCONT');
        await chain.level(30000);
        await load.more(50);
        await load.end();
        await chain.level();
        await chain.agree(Math.max(1, from - 3));
        await load.isOn(victim);
        return `node${victim.index} stood still, longest wait for a block ${Math.round(gap)} ms`;
    },

    async restart(chain) {
        const load = chain.load();
        await load.more(100);
        await load.end();
        const before = await chain.level();
        const took = await chain.endAll('SIGTERM', 10000);
        await chain.startAll();
        const after = await chain.heights();
        must(Math.min(...after) >= before, `heights ${after} after the restart, ${before} before`);
        const again = chain.load();
        await again.more(100, 20000);
        await again.end();
        await chain.level();
        await chain.agree(Math.max(1, before - 3));
        await load.isOn(chain.nodes[0]);
        return `stopped within ${Math.round(Math.max(...took))} ms`;
    },

    async crash(chain, o) {
        const gaps = [];
        for (let round = 0; round < o.crashes; round++) {
            const load = chain.load({ over: round % 2 ? 'http' : 'ws', rate: 100 + Math.random() * 2000 });
            await load.more(100 + Math.floor(Math.random() * 500), 30000);
            await sleep(Math.random() * 700);
            const seen = new Map(); // what each node had just before
            await Promise.all(chain.nodes.map(async (n) => {
                const h = await n.height();
                seen.set(h, (await n.block(h)).hash);
            }));
            await Promise.all(chain.nodes.map((n) => n.end('SIGKILL')));
            await load.end();
            await chain.startAll();
            const started = now();
            await chain.level(30000);
            for (const [h, hash] of seen) {
                for (const n of chain.nodes) {
                    const b = await n.block(h);
                    must(b.hash === hash, `round ${round}: block ${h} was ${hash}, node${n.index} now has ${b.hash}`);
                }
            }
            const again = chain.load();
            await again.more(50, 30000);
            gaps.push(Math.round(now() - started));
            await again.end();
            await chain.level();
            await chain.agree(Math.max(1, Math.min(...seen.keys()) - 5));
            for (const n of chain.nodes) {
                await load.isOn(n);
                await again.isOn(n);
            }
        }
        return `${o.crashes} times; commits again after ${gaps} ms`;
    },

    async wipe(chain) {
        const victim = chain.nodes[2];
        await victim.end('SIGTERM');
        victim.wipe();
        const top = await chain.nodes[0].height();
        victim.start();
        const from = now();
        await victim.serving();
        await chain.level(60000);
        const took = now() - from;
        await chain.agree();
        return `${top} blocks in ${Math.round(took)} ms`;
    },

    // Transactions and heights by the trees, with a node that comes and goes.
    async trees(chain) {
        const values = { send_txs_by_tree: true, sync_block_by_tree: true, tree_width: 2 };
        await chain.endAll('SIGTERM');
        const told = await withConfig(chain.nodes, 'sync', values, async () => {
            await chain.startAll();
            const from = Math.max(...await chain.heights());
            const loads = chain.nodes.map((n) => chain.load({ nodes: [n], rate: 50 }));
            await Promise.all(loads.map((l) => l.more(50)));
            const victim = chain.nodes[2];
            await victim.end('SIGKILL');
            await Promise.all(loads.filter((_, i) => i !== 2).map((l) => l.more(50, 30000)));
            victim.start();
            await victim.serving();
            await chain.level(30000);
            await Promise.all(loads.map((l) => l.end()));
            await chain.level();
            await chain.agree(Math.max(1, from));
            for (const l of loads)
                await l.isOn(chain.nodes[0]);
            await chain.endAll('SIGTERM');
            return loads.reduce((sum, l) => sum + l.told.size, 0);
        });
        await chain.startAll();
        return `${told} transactions`;
    },

    // A node gives old transactions away when the archive tool says so, and gets them back from peers.
    async archive(chain) {
        const node = chain.nodes[3];
        const other = chain.nodes[0];
        const load = chain.load();
        await load.more(300);
        await load.end();
        const top = await chain.level();
        const end = Math.max(2, top - 2);
        const old = [...load.told].filter(([, t]) => t.block < end)[0]?.[0];
        must(old, `no transaction below block ${end}`);
        const port = chain.ports + 9;
        const status = async () => (await node.rpc('getSyncStatus', 'group0', '')).archivedBlockNumber;
        const ask = async (params) => {
            const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'deleteArchivedData', params });
            return JSON.parse((await post(http, { port, path: '/' }, body, 30000)).text).result.status;
        };
        await node.end('SIGTERM');
        await withConfig([node], 'storage', { enable_archive: true, archive_ip: '127.0.0.1', archive_port: port }, async () => {
            node.start();
            await node.serving();
            await chain.level();
            must(await ask([0, 5]) === 'error, invalid block range', 'a range from 0 was taken');
            const again = chain.load(); // blocks are committed meanwhile
            await again.more(20);
            must(await ask([1, end]) === 'success', 'the range was refused');
            await again.more(20);
            await again.end();
            must(await status() === end, `archived number ${await status()}, not ${end}`);
            must(await node.rpc('getTransaction', 'group0', '', old, false).then(() => false, () => true),
                'an archived transaction is still there');
            await chain.level();
            await node.end('SIGTERM');
        });
        const took = await withConfig([node], 'storage', { sync_archived_blocks: true }, async () => {
            node.start();
            const from = now();
            await node.serving();
            must(await status() <= end, 'the archived number was forgotten');
            await until('archived blocks are back', 30000 + end * 40, async () => await status() === 1);
            const ms = now() - from;
            await chain.agree();
            for (const method of ['getTransaction', 'getTransactionReceipt']) {
                const [a, b] = await Promise.all([node, other].map((n) => n.rpc(method, 'group0', '', old, false)));
                delete a.importTime; // each node's own
                delete b.importTime;
                must(JSON.stringify(a) === JSON.stringify(b), `${method}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
            }
            await load.isOn(node);
            await node.end('SIGTERM');
            return ms;
        });
        node.start();
        await node.serving();
        return `${end - 1} blocks given away, back within ${Math.round(took)} ms`;
    },

    async idle(chain, o) {
        await chain.endAll('SIGTERM');
        const up = await chain.startAll();
        await sleep(5000);
        const first = chain.nodes.map((n) => n.usage());
        const from = now();
        await sleep(10000);
        const last = chain.nodes.map((n) => n.usage());
        const cpu = last.reduce((sum, u, i) => sum + u.cpu - first[i].cpu, 0) / (now() - from) * 1e5;
        const rss = Math.max(...last.map((u) => u.rss)) / MB;
        const start = Math.max(...up);
        const figures = `CPU of all four ${cpu.toFixed(1)} % (aim < 2), resident ${rss.toFixed(0)} MB (aim < 64), `
            + `first answer after ${Math.round(start)} ms (aim < 1000, four at once)`;
        must(cpu < 10 && (rss < 200 || o.sanitized) && start < 5000, figures);
        return figures;
    },

    async config(chain) {
        const node = chain.nodes[3];
        await node.end('SIGTERM');
        const count = badConfigs(node);
        node.start();
        await node.serving();
        return `${count} bad values are refused with file, line and key`;
    },

    // One node with settings of its own must not slow the others down: it waits ten minutes for more
    // transactions when it leads, or so it is told.
    async settings(chain) {
        const node = chain.nodes[3];
        await node.end('SIGTERM');
        return await withConfig([node], 'consensus', { min_seal_time: 600000 }, async () => {
            node.start();
            await node.serving();
            const load = chain.load();
            let gap = 0; // eight blocks: its turn comes twice
            for (let i = 0; i < 8; i++) {
                const last = now();
                await chain.grows(chain.nodes[0], 1, 10000);
                gap = Math.max(gap, now() - last);
            }
            await load.end();
            await node.end('SIGTERM');
            return `node${node.index} has min_seal_time 600000: longest wait for a block ${Math.round(gap)} ms`;
        });
    },

    async garbage(chain, o) {
        const node = chain.nodes[1];
        await attack(node); // once to warm up: pools and caches get their size
        await sleep(1000);
        const before = node.usage();
        let count = 0;
        for (let i = 0; i < 3; i++)
            count += await attack(node);
        await until('descriptors are given back', 40000, () => {
            const fds = node.usage().fds;
            must(fds <= before.fds + 8, `${fds} open, ${before.fds} before`);
            return true;
        });
        const after = node.usage();
        const grown = (after.rss - before.rss) / MB;
        must(grown < 16 || o.sanitized, `resident memory grew by ${grown.toFixed(1)} MB (${(before.rss / MB).toFixed(0)} before) over ${count} attacks`);
        const load = chain.load({ nodes: [node] });
        await load.more(50);
        await load.end();
        await chain.level();
        await chain.agree(Math.max(1, await node.height() - 5));
        await node.end('SIGTERM'); // a sanitized node tells of leaks now
        return `${count} attacks, resident memory ${(after.rss / MB).toFixed(0)} MB (${grown >= 0 ? '+' : ''}${grown.toFixed(1)})`;
    },
};

const o = options({ cbcos: 'build/release/bin/cbcos', only: '', crashes: 3, keep: false, hold: false, debug: false, sanitized: false, sm: false, pages: false, list: false },
                  'run.mjs [--cbcos FILE] [--only NAME,...] [--crashes N] [--keep] [--hold] [--debug] [--sanitized] [--sm] [--pages] [--list]');
await run(scenarios, o, {
    build: (cbcos) => Chain.build(cbcos, o),
    ready: async (chain) => {
        await chain.startAll();
        await chain.level();
    },
});
