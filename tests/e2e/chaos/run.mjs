// Real nodes whose links, processes, disks and clocks fail; see `run` for the options.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, rmSync, statSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bench, Chain, must, now, sleep, until } from '../network/lib.mjs';
import { options, refuse, run, Skip } from '../network/scenarios.mjs';
import { Fabric, random } from './relay.mjs';
import { Watch } from './watch.mjs';

const PBFT_TIMER_MS = 3000;
const HEAL_MS = 90000; // view timers have grown meanwhile: 3 s * 1.5^n

const ms = (x) => `${Math.round(x)} ms`;

// A chain whose nodes meet through the relays only, with a watch on it.
class World {
    static async build(cbcos, o) {
        const w = new World();
        w.rng = random(o.seed);
        // certificates are older than the clock that is behind
        const skew = { LD_PRELOAD: join(cbcos, '..', 'cbcos-skew.so'), SKEW_SECONDS: '-3600' };
        w.chain = await Chain.build(cbcos, { ...o, env: existsSync(skew.LD_PRELOAD) ? skew : {} });
        w.nodes = w.chain.nodes;
        w.faulty = Math.floor((o.nodes - 1) / 3);
        w.fabric = await Fabric.build(w.nodes.map((n) => n.p2pPort), w.rng);
        for (const n of w.nodes) {
            const peers = w.nodes.filter((p) => p !== n).map((p) => `127.0.0.1:${w.fabric.relays[n.index][p.index]}`);
            writeFileSync(join(n.dir, 'nodes.json'), JSON.stringify({ nodes: peers }));
        }
        await w.chain.startAll();
        w.watch = new Watch(w.chain);
        w.loads = [];
        return w;
    }

    load(options = {}) {
        const l = this.chain.load({ ...options, onTold: (hash, t) => this.watch.told(hash, t) });
        this.loads.push(l);
        return l;
    }

    async leader() {
        for (const n of this.nodes) {
            if (n.running && !n.paused) {
                const l = await n.leader().catch(() => null);
                if (l?.node)
                    return l.node;
            }
        }
        throw new Error('nobody tells the leader');
    }

    pause(n) {
        n.paused = true;
        n.proc.kill('SIGSTOP');
    }

    resume(n) {
        if (n.paused)
            n.proc?.kill('SIGCONT');
        n.paused = false;
    }

    // The longest wait for a block over count blocks, seen from a node that works.
    async longestGap(node, count, limit) {
        let gap = 0;
        for (let i = 0; i < count; i++) {
            const from = now();
            const top = await node.height();
            await until(`node${node.index} gets block ${top + 1}`, limit, async () => await node.height() > top, 20);
            gap = Math.max(gap, now() - from);
        }
        return gap;
    }

    // Everything is well again: all nodes make progress together within the limit, and agree; what
    // clients were told is there. Gives the time until the first block.
    async settle(from) {
        this.fabric.heal();
        this.nodes.forEach((n) => this.resume(n));
        await this.chain.startAll();
        const healed = now();
        const load = this.load({ rate: 100 });
        await load.more(1, HEAL_MS);
        const first = now() - healed;
        await load.more(50, HEAL_MS);
        for (const l of this.loads)
            await l.end();
        await this.chain.level(HEAL_MS);
        await this.chain.agree(Math.max(1, from - 3));
        for (const l of this.loads)
            for (const n of this.nodes)
                await l.isOn(n);
        const told = this.loads.reduce((sum, l) => sum + l.told.size, 0);
        this.loads = [];
        must(!this.watch.wrong.length, () => this.watch.wrong.join('; '));
        return `first receipt ${ms(first)} after healing; ${told} receipts on chain, ${this.watch.reads} reads after write, ${this.watch.looks} looks at blocks`;
    }

    async close() {
        await this.watch.end();
        this.nodes.forEach((n) => this.resume(n));
        await this.chain.close();
        this.fabric.end();
        for (const n of this.nodes)
            if (n.mounted)
                spawnSync('umount', ['-l', n.mounted]);
    }
}

// ---- faults that storm picks from; each gives what undoes it ----

const faults = {
    kill(w, rng) {
        const n = rng.pick(w.nodes.filter((x) => x.running && !x.paused));
        const gone = n.end('SIGKILL');
        return { what: `kill node${n.index}`, undo: async () => { await gone; n.running || n.start(); } };
    },
    pause(w, rng) {
        const n = rng.pick(w.nodes.filter((x) => x.running && !x.paused));
        w.pause(n);
        return { what: `pause node${n.index}`, undo: () => w.resume(n) };
    },
    isolate(w, rng) {
        const n = rng.below(w.nodes.length);
        const rest = w.nodes.map((x) => x.index).filter((i) => i !== n);
        const how = rng.pick(['cut', 'hole', 'oneway']);
        const [left, right] = how === 'oneway' && rng.next() < 0.5 ? [rest, [n]] : [[n], rest];
        w.fabric.partition(left, right, how);
        return { what: `${how} [${left}] [${right}]`, links: true };
    },
    split(w, rng) {
        const all = rng.shuffle(w.nodes.map((x) => x.index));
        const k = Math.floor(all.length / 2);
        const how = rng.pick(['cut', 'hole', 'oneway']);
        w.fabric.partition(all.slice(0, k), all.slice(k), how);
        return { what: `${how} [${all.slice(0, k)}] [${all.slice(k)}]`, links: true };
    },
    delay(w, rng) {
        const delay = Math.round(rng.between(5, 200));
        const jitter = Math.round(rng.between(0, 200));
        for (const a of w.nodes)
            for (const b of w.nodes)
                if (a !== b && rng.next() < 0.5)
                    w.fabric.set(a.index, b.index, { delay, jitter });
        return { what: `delay ${delay}+${jitter} ms`, links: true };
    },
    slow(w, rng) {
        const rate = Math.round(rng.between(20000, 500000));
        const n = rng.below(w.nodes.length);
        for (const b of w.nodes)
            if (b.index !== n)
                w.fabric.set(n, b.index, { rate });
        return { what: `node${n} sends ${rate} bytes/s`, links: true };
    },
    reset(w, rng) {
        const [a, b] = rng.shuffle(w.nodes.map((x) => x.index));
        w.fabric.reset(a, b);
        return { what: `reset ${a} ${b}` };
    },
    twice(w, rng) {
        w.fabric.twice = true;
        const [a, b] = rng.shuffle(w.nodes.map((x) => x.index));
        w.fabric.reset(a, b);
        return { what: `double connections, reset ${a} ${b}`, links: true };
    },
};

// ---- scenarios ----

const scenarios = {
    // Faults one upon another, more than f at a time too; then all must be well again.
    async storm(w, o) {
        const rng = w.rng;
        const load = w.load({ rate: 200, over: 'ws' });
        await load.more(20, 30000);
        const from = await w.nodes[0].height();
        const end = now() + o.seconds * 1000;
        let count = 0;
        while (now() < end) {
            const under = [];
            for (let k = 1 + rng.below(2); k > 0; k--) {
                if (w.nodes.filter((n) => n.running && !n.paused).length < 2)
                    break;
                const kind = rng.pick(Object.keys(faults));
                const f = faults[kind](w, rng);
                w.story.push(f.what);
                count++;
                under.push(f);
            }
            await sleep(rng.between(200, 3500));
            for (const f of under)
                await f.undo?.();
            if (under.some((f) => f.links))
                w.fabric.heal(rng.next() < 0.5);
            await sleep(rng.between(0, 1500));
        }
        return `${count} faults; ${await w.settle(from)}`;
    },

    // What eth_sendRawTransaction answers a hash for gets on chain, however bad the links are. (Only of a
    // node that dies with it is nothing promised: then the client asks and sends again.)
    async accepted(w) {
        const from = await w.nodes[0].height();
        let working = true;
        const told = [];
        const trouble = (async () => {
            while (working) {
                const kind = w.rng.pick(['isolate', 'split', 'delay', 'slow', 'reset', 'twice']);
                w.story.push(faults[kind](w, w.rng).what);
                await sleep(w.rng.between(200, 2000));
                w.fabric.heal(w.rng.next() < 0.5);
                await sleep(w.rng.between(500, 1500));
            }
        })();
        try {
            for (let i = 0; i < 2; i++) {
                const r = await bench(w.chain, 'transfer', '--over', 'web3', '--count', '500');
                must(r.committed === 500, `${r.committed} of 500 accepted transactions are on chain`);
                told.push(`p50 ${ms(r.latency_ms.p50)}`);
            }
        } finally {
            working = false;
            await trouble;
        }
        return `${w.story.length} faults, 1000 accepted transactions on chain (${told.join(', ')}); ${await w.settle(from)}`;
    },

    // No half of the chain goes on alone; with one node cut off the rest does, whatever way it is cut.
    async partition(w) {
        const load = w.load();
        await load.more(20, 30000);
        const from = await w.nodes[0].height();
        const all = w.nodes.map((n) => n.index);
        const half = Math.floor(all.length / 2);
        w.fabric.partition(all.slice(0, half), all.slice(half), 'hole');
        await sleep(1000); // what was under way
        const before = await w.chain.heights();
        await sleep(4000);
        const after = await w.chain.heights();
        must(Math.max(...after) <= Math.max(...before) + 1, `halves went on alone: ${before}, then ${after}`);
        w.fabric.heal(true);
        const healed = now();
        await w.chain.grows(w.nodes[0], 1, HEAL_MS);
        const whole = now() - healed;
        const told = [];
        for (const how of ['cut', 'hole', 'oneway']) {
            await w.chain.level(HEAL_MS);
            await w.chain.grows(w.nodes[0], 2, HEAL_MS);
            const leader = await w.leader();
            const rest = w.nodes.filter((n) => n !== leader);
            w.fabric.partition([leader.index], rest.map((n) => n.index), how);
            const gap = await w.longestGap(rest[0], 3, 30000);
            told.push(`${how} ${ms(gap)}`);
            w.fabric.heal(true);
        }
        return `halves stop, block ${ms(whole)} after healing; without its leader the rest waits at most: ${told.join(', ')}; ${await w.settle(from)}`;
    },

    // Killed or hanging, a leader costs at most two view timers.
    async leader(w) {
        const load = w.load();
        await load.more(50, 30000);
        const from = await w.nodes[0].height();
        const base = await w.longestGap(w.nodes[0], 6, 10000);
        const told = [];
        for (const how of ['killed', 'hanging']) {
            const victim = await w.leader();
            const other = w.nodes.find((n) => n !== victim);
            how === 'killed' ? await victim.end('SIGKILL') : w.pause(victim);
            const gap = await w.longestGap(other, w.nodes.length + 2, 30000);
            must(gap < 2 * PBFT_TIMER_MS + base, `${how} leader: ${ms(gap)} without a block, ${ms(base)} before`);
            told.push(`${how} ${ms(gap)}`);
            w.resume(victim);
            victim.running || victim.start();
            await victim.serving();
            await w.chain.level(HEAL_MS);
        }
        return `longest wait ${ms(base)} before, then ${told.join(', ')}; ${await w.settle(from)}`;
    },

    // f nodes dead: the others' throughput, told only.
    async dead(w) {
        const load = w.load({ rate: 1500, over: 'ws' });
        await load.more(200, 30000);
        const from = await w.nodes[0].height();
        const rate = async (seconds) => {
            const n = load.told.size;
            await sleep(seconds * 1000);
            return (load.told.size - n) / seconds;
        };
        const before = await rate(6);
        const victims = w.nodes.slice(-w.faulty);
        await Promise.all(victims.map((n) => n.end('SIGKILL')));
        const samples = [];
        for (let i = 0; i < 6; i++)
            samples.push(await rate(4));
        const best = Math.max(...samples);
        const at = 4 * (1 + samples.findIndex((s) => s >= 0.7 * before));
        return `${Math.round(before)} tx/s before; ${victims.length} dead: ${samples.map(Math.round)} in parts of 4 s, `
            + `best ${Math.round(best / before * 100)} %, 70 % ${at > 0 ? `within ${at} s` : 'not reached'}; ${await w.settle(from)}`;
    },

    // All nodes at once, again and again.
    async allkill(w, o) {
        const gaps = [];
        const start = await w.nodes[0].height();
        for (let round = 0; round < o.kills; round++) {
            const load = w.load({ rate: w.rng.between(100, 1500), over: w.rng.pick(['ws', 'http']) });
            await load.more(20 + w.rng.below(200), HEAL_MS);
            await sleep(w.rng.between(0, 500));
            await Promise.all(w.nodes.map((n) => n.end('SIGKILL')));
            await load.end();
            const down = now();
            await w.chain.startAll();
            const top = Math.max(...await w.chain.heights());
            const again = w.load({ rate: 100 });
            await until('a block after the restart', HEAL_MS, async () => Math.max(...await w.chain.heights()) > top);
            gaps.push(Math.round(now() - down));
            await again.end();
        }
        return `${o.kills} times; next block after ${gaps} ms; ${await w.settle(start)}`;
    },

    // A page of a stopped node's files is damaged: it refuses, says so in an answer, or repairs; what it
    // serves is right. Then it is wiped and comes back.
    async corrupt(w) {
        const load = w.load({ rate: 400 });
        await load.more(400, 30000);
        await load.end();
        await w.chain.level();
        const from = await w.nodes[0].height();
        const victim = w.nodes[w.nodes.length - 1];
        const sound = w.nodes[0];
        const told = [];
        for (const kind of ['.log', '.sst', 'MANIFEST']) {
            if (kind === '.sst') { // a start writes what the last one's log holds to tables
                await victim.end('SIGTERM');
                victim.start();
                await victim.serving();
            }
            await victim.end(kind === '.log' ? 'SIGKILL' : 'SIGTERM');
            const damage = corruptOne(join(victim.dir, 'data'), kind, w.rng);
            if (!damage) {
                told.push(`no ${kind}`);
            } else {
                w.story.push(damage);
                victim.damaged = true; // it may answer errors, which the watch takes for nothing told
                told.push(`${kind}: ${await lookAtDamaged(w, victim, sound, [...load.told.keys()])}`);
                if (victim.running)
                    await victim.end('SIGKILL');
                victim.wipe();
                w.watch.tops[victim.index] = 0; // an empty node begins anew
                victim.damaged = false;
            }
            victim.start();
            await victim.serving();
            await w.chain.level(HEAL_MS);
        }
        return `${told.join('; ')}; ${await w.settle(from)}`;
    },

    // The disk of one node has no room: it stops or waits, the others go on; with room it goes on.
    async full(w) {
        const victim = w.nodes[w.nodes.length - 1];
        await victim.end('SIGTERM');
        const dir = join(victim.dir, 'data');
        victim.wipe();
        w.watch.tops[victim.index] = 0;
        spawnSync('mkdir', ['-p', dir]);
        const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'tmpfs', dir], { encoding: 'utf8' });
        if (mount.status !== 0) {
            victim.start();
            throw new Skip(`mounting a small file system is not permitted here: ${(mount.stderr || String(mount.error)).trim()}`);
        }
        victim.mounted = dir;
        try {
            victim.start();
            await victim.serving();
            await w.chain.level();
            const from = await w.nodes[0].height();
            await victim.end('SIGTERM');
            victim.start(); // with an empty log file, for which no room is set aside yet
            await victim.serving();
            const fs = statfsSync(dir);
            const size = (fs.blocks - fs.bfree) * fs.bsize + (256 << 10);
            must(spawnSync('mount', ['-o', `remount,size=${size}`, dir]).status === 0, 'remounting smaller');
            const load = w.load({ rate: 400 });
            await load.more(100, 30000);
            victim.expected = true; // it may end by itself; late, when it wrote before: 9 MB are set aside for a log then
            const stopped = await Promise.race([victim.ended, sleep(90000).then(() => 'runs on')]);
            const at = victim.running ? await victim.height().catch(() => 'no answer') : stopped;
            const said = victim.complaints().filter((l) => /space|disk|record failed|commit failed|No space/i.test(l)).at(-1) ?? victim.tail();
            must(/space|disk|fail/i.test(said), `node${victim.index} does not say that its disk is full: ${said}`);
            await w.chain.grows(w.nodes[0], 2, 30000);
            must(spawnSync('mount', ['-o', 'remount,size=2g', dir]).status === 0, 'remounting larger');
            if (stopped !== 'runs on') {
                await victim.ended;
                victim.start();
                await victim.serving();
            }
            victim.expected = false;
            return `${stopped === 'runs on' ? `it waits (${at})` : `it ends with ${at}`}: ${said.replace(/\s+/g, ' ').slice(-160)}; ${await w.settle(from)}`;
        } finally {
            await victim.end('SIGKILL').catch(() => {});
            spawnSync('umount', ['-l', dir]);
            victim.mounted = null;
            rmSync(dir, { recursive: true, force: true });
            w.watch.tops[victim.index] = 0;
        }
    },

    // One clock is ahead, one behind: the chain goes on, with the leaders' times as they are.
    async clock(w, o) {
        const lib = join(resolve(o.cbcos), '..', 'cbcos-skew.so');
        const from = await w.nodes[0].height();
        const skews = [90, -90];
        for (const [i, skew] of skews.entries()) {
            await w.nodes[i].end('SIGTERM');
            w.nodes[i].start({ LD_PRELOAD: lib, SKEW_SECONDS: String(skew) });
            await w.nodes[i].serving();
        }
        const load = w.load();
        await load.more(50, HEAL_MS);
        const gap = await w.longestGap(w.nodes[2], 2 * w.nodes.length, 30000);
        const top = await w.nodes[2].height();
        let last = 0;
        let off = 0;
        for (let h = Math.max(1, from); h <= top; h++) {
            const t = Number((await w.nodes[2].rpc('getBlockByNumber', 'group0', '', h, true, true)).timestamp);
            must(t > last, `block ${h} has time ${t}, the one before ${last}`);
            last = t;
            off = t - Date.now() > 0 ? Math.max(off, t - Date.now()) : off;
        }
        for (const [i, skew] of skews.entries()) {
            const apart = w.nodes[i].clock() - Date.now();
            must(Math.abs(apart - skew * 1000) < 30000, `node${i}'s clock is ${Math.round(apart)} ms off, not ${skew} s`);
        }
        for (const [i] of skews.entries()) {
            await w.nodes[i].end('SIGTERM');
            w.nodes[i].start();
            await w.nodes[i].serving();
        }
        return `longest wait ${ms(gap)}, times of blocks rise, at most ${ms(off)} ahead of the right time; ${await w.settle(from)}`;
    },
};

function filesUnder(dir) {
    return readdirSync(dir, { withFileTypes: true }).flatMap((e) => e.isDirectory() ? filesUnder(join(dir, e.name)) : [join(dir, e.name)]);
}

// Turns the bits of one page; the largest file of the kind. Gives what was done, or undefined.
function corruptOne(dir, kind, rng) {
    const files = filesUnder(dir).filter((f) => (kind.startsWith('.') ? f.endsWith(kind) : f.includes(kind)) && statSync(f).size > 0);
    if (!files.length)
        return undefined;
    const file = files.sort((a, b) => statSync(b).size - statSync(a).size)[0];
    const fd = openSync(file, 'r+');
    const size = fstatSync(fd).size;
    const at = rng.below(Math.ceil(size / 4096)) * 4096;
    const page = Buffer.alloc(Math.min(4096, size - at));
    readSync(fd, page, 0, page.length, at);
    for (let i = 0; i < page.length; i++)
        page[i] ^= 0xff;
    writeSync(fd, page, 0, page.length, at);
    closeSync(fd);
    return `${file.slice(dir.length + 1)}: page at ${at} of ${size}`;
}

async function lookAtDamaged(w, victim, sound, hashes) {
    victim.start();
    victim.expected = true; // it may refuse
    const how = await Promise.race([victim.ended, victim.serving(20000).then(() => 'serves', (e) => e.message)]);
    if (how !== 'serves') {
        const why = (victim.complaints().at(-1) ?? '') + victim.tail();
        must(victim.running === false, `it neither serves nor ends: ${how}`);
        must(/corrupt|checksum|mismatch|damaged|block|manifest/i.test(why), `it ended with ${how} and does not say why: ${why}`);
        return `refuses to start (${how})`;
    }
    // it may have lost its last blocks, and gets them from the others
    await Promise.race([victim.ended, w.chain.level(HEAL_MS).catch((e) => { if (victim.running) throw e; })]);
    if (!victim.running)
        return `serves, then ends${victim.tail()}`;
    // its answers, for all blocks and some transactions: right or none
    const top = Math.min(await victim.height(), await sound.height());
    let right = 0;
    let none = 0;
    const ask = async (what, question) => {
        let got;
        try {
            got = JSON.stringify(await question(victim));
        } catch {
            none++;
            return;
        }
        const want = JSON.stringify(await question(sound));
        must(got === want, `damaged node${victim.index} answers ${what} with ${got.slice(0, 300)}, it is ${want.slice(0, 300)}`);
        right++;
    };
    for (let h = 0; h <= top && victim.running; h++)
        await ask(`block ${h}`, (n) => n.block(h));
    for (const hash of hashes.slice(-100)) {
        if (!victim.running)
            break;
        await ask(`receipt ${hash}`, (n) => n.rpc('getTransactionReceipt', 'group0', '', hash, false));
        await ask(`transaction ${hash}`, (n) => n.rpc('getTransaction', 'group0', '', hash, false));
        const r = await sound.rpc('getTransactionReceipt', 'group0', '', hash, false);
        await ask(`state of ${r.contractAddress}`, (n) => n.web3('eth_getStorageAt', r.contractAddress, '0x0', 'latest'));
    }
    const load = w.load({ rate: 50, nodes: w.nodes.filter((n) => n !== victim) });
    await load.more(20, HEAL_MS); // it takes part, or stops, but never forks
    await load.end();
    if (victim.running) {
        const at = Math.min(await victim.height().catch(() => 0), await sound.height());
        for (let h = top; h <= at; h++)
            await ask(`block ${h}`, (n) => n.block(h));
    }
    return `serves, ${right} answers right, ${none} refused${victim.running ? '' : ', then ended'}`;
}

// ---- the run ----

const o = options({ cbcos: 'build/release/bin/cbcos', only: '', seed: 1, seconds: 20, nodes: 4, kills: 10, keep: false, hold: false, list: false },
                  'run.mjs [--cbcos FILE] [--seed N] [--seconds S] [--nodes 4-7] [--kills N] [--only NAME,...] [--keep] [--hold] [--list]');
if (o.nodes < 4 || o.nodes > 7)
    refuse('--nodes: 4 to 7');
await run(scenarios, o, {
    build: (cbcos) => World.build(cbcos, o),
    ready: async (world) => {
        world.story = [];
        await world.chain.startAll();
        await world.chain.level(HEAL_MS);
    },
    story: (world) => [...(world.story ?? []).slice(-12), ...(world.watch?.wrong ?? [])],
    seed: o.seed,
});
