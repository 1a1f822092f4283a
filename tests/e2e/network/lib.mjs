// A chain of real node processes on loopback, and what its tests share. Node.js 18 or newer, nothing
// else. Processes are ended by the pid of what was started here, never by name.
import { spawn, spawnSync } from 'node:child_process';
import {
    closeSync, cpSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const now = () => performance.now();

export class Failure extends Error {}

export function must(condition, why) {
    if (!condition)
        throw new Failure(typeof why === 'function' ? why() : why);
}

// Repeats probe() until it gives something true; a thrown error counts as "not yet". what: text, or what
// gives it at the end.
export async function until(what, ms, probe, every = 100) {
    const end = now() + ms;
    let last;
    for (;;) {
        try {
            const got = await probe();
            if (got)
                return got;
            last = undefined;
        } catch (e) {
            if (e.final)
                throw e;
            last = e;
        }
        if (now() > end)
            throw new Failure(`not within ${ms} ms: ${typeof what === 'function' ? what() : what}${last ? ` (${last.message})` : ''}`);
        await sleep(every);
    }
}

function free(port) {
    return new Promise((done) => {
        const s = net.createServer();
        s.once('error', () => done(false));
        s.listen(port, '127.0.0.1', () => s.close(() => done(true)));
    });
}

// First port of `count` that nobody has, below what the system hands out for outgoing connections.
async function freePorts(count) {
    for (let tries = 0; tries < 200; tries++) {
        const first = 10000 + Math.floor(Math.random() * 20000);
        let good = true;
        for (let i = 0; good && i < count; i++)
            good = await free(first + i);
        if (good)
            return first;
    }
    throw new Failure('no free ports on 127.0.0.1');
}

// One request with a body; {status, text}. Rejects on a transport error or after ms.
export function post(agentLib, options, body, ms = 5000) {
    return new Promise((done, fail) => {
        const r = agentLib.request({ method: 'POST', host: '127.0.0.1', ...options }, (reply) => {
            const parts = [];
            reply.on('data', (d) => parts.push(d));
            reply.on('error', fail);
            reply.on('end', () => done({ status: reply.statusCode, text: Buffer.concat(parts).toString() }));
        });
        r.setTimeout(ms, () => r.destroy(new Error(`no answer in ${ms} ms`)));
        r.on('error', fail);
        r.setHeader('content-type', 'application/json');
        r.setHeader('content-length', Buffer.byteLength(body));
        r.end(body);
    });
}

export class Node {
    constructor(chain, index) {
        Object.assign(this, { chain, index, dir: join(chain.host, `node${index}`), proc: null });
        this.p2pPort = chain.ports + index;
        this.rpcPort = chain.ports + 10 + index;
        this.web3Port = chain.ports + 20 + index;
        this.monitorPort = chain.ports + 30 + index;
        this.agent = new https.Agent({ keepAlive: true, maxSockets: 2 });
        this.exits = [];
    }

    get running() {
        return this.proc !== null;
    }

    // env: what its environment has more.
    start(env = {}) {
        must(!this.proc, `node${this.index} runs already`);
        const out = openSync(join(this.dir, 'nohup.out'), 'a');
        const program = join(this.chain.host, 'fisco-bcos');
        this.startedAt = now();
        const proc = spawn(program, ['-c', 'config.ini', '-g', 'config.genesis'],
            { cwd: this.dir, argv0: join(this.dir, '..', 'fisco-bcos'), stdio: ['ignore', out, out], env: { ...process.env, ...env } });
        closeSync(out);
        this.proc = proc;
        this.ended = new Promise((done) => {
            proc.once('error', (e) => done(String(e)));
            proc.once('exit', (code, signal) => done(signal ?? code));
        }).then((how) => {
            this.proc = null;
            this.agent.destroy();
            if (!this.expected)
                this.exits.push(how);
            return how;
        });
        this.expected = false;
    }

    // Sends the signal and waits; gives the milliseconds until the process was gone.
    async end(signal = 'SIGTERM', ms = 10000) {
        if (!this.proc)
            return 0;
        const from = now();
        this.expected = true;
        this.proc.kill(signal);
        const how = await Promise.race([this.ended, sleep(ms).then(() => 'late')]);
        if (how === 'late') {
            this.proc?.kill('SIGKILL');
            await this.ended;
            throw new Failure(`node${this.index} has not stopped ${ms} ms after ${signal}`);
        }
        if (signal === 'SIGTERM')
            must(how === 0, `node${this.index} ended with ${how} after SIGTERM${this.tail()}`);
        return now() - from;
    }

    // Milliseconds from start to the first answer.
    async serving(ms = 20000) {
        await until(`node${this.index} serves`, ms, () => {
            if (!this.proc)
                throw Object.assign(new Failure(`node${this.index} ended${this.tail()}`), { final: true });
            return this.height().then((h) => h >= 0);
        }, 10);
        return now() - this.startedAt;
    }

    tail() {
        const file = join(this.dir, 'nohup.out');
        const text = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-2).join(' / ') : '';
        return text ? `; nohup.out: ${text}` : '';
    }

    async rpc(method, ...params) {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
        const tls = { ...this.chain.certs, agent: this.agent, port: this.rpcPort, path: '/' };
        const { text } = await post(https, tls, body);
        const reply = JSON.parse(text);
        must(!reply.error, () => `${method}: ${JSON.stringify(reply.error)}`);
        return typeof reply.result === 'string' && reply.result.startsWith('{') ? JSON.parse(reply.result) : reply.result;
    }

    async web3(method, ...params) {
        const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
        const { text } = await post(http, { port: this.web3Port, path: '/' }, body);
        const reply = JSON.parse(text);
        must(!reply.error, () => `${method}: ${JSON.stringify(reply.error)}`);
        return reply.result;
    }

    height() {
        return this.rpc('getBlockNumber', 'group0', '');
    }

    async block(number) {
        const b = await this.rpc('getBlockByNumber', 'group0', '', number, false, true);
        return {
            hash: b.hash, stateRoot: b.stateRoot, receiptsRoot: b.receiptsRoot, txsRoot: b.txsRoot,
            transactions: b.transactions.map((t) => t.hash ?? t),
        };
    }

    leader() {
        return this.rpc('getConsensusStatus', 'group0', '').then((s) => ({
            node: this.chain.nodes.find((n) => n.id === s.consensusNodeList[s.leaderIndex].nodeID),
            view: s.view,
        }));
    }

    get id() {
        return readFileSync(join(this.dir, 'conf', 'node.nodeid'), 'utf8').trim();
    }

    // CPU seconds used so far, resident bytes, open descriptors; of the running process.
    usage() {
        must(this.proc, `node${this.index} does not run${this.tail()}`);
        const stat = readFileSync(`/proc/${this.proc.pid}/stat`, 'utf8').split(') ')[1].split(' ');
        const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.proc.pid}/status`, 'utf8'))[1];
        return {
            cpu: (Number(stat[11]) + Number(stat[12])) / 100,
            rss: Number(rss) * 1024,
            fds: readdirSync(`/proc/${this.proc.pid}/fd`).length,
        };
    }

    wipe() {
        for (const name of ['data', 'log'])
            rmSync(join(this.dir, name), { recursive: true, force: true });
    }

    // What its clock says, in ms: the time in the last line of its log.
    clock() {
        const files = readdirSync(join(this.dir, 'log')).map((f) => join(this.dir, 'log', f));
        const newest = files.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs).at(-1);
        return Date.parse(readFileSync(newest, 'utf8').trim().split('\n').at(-1).split('|')[1]);
    }

    // Lines of its log files that say warning, error or fatal.
    complaints() {
        const dir = join(this.dir, 'log');
        const lines = [];
        for (const name of existsSync(dir) ? readdirSync(dir) : [])
            if (statSync(join(dir, name)).isFile())
                lines.push(...readFileSync(join(dir, name), 'utf8').split('\n').filter((l) => /^(error|fatal)\|/.test(l)));
        return lines;
    }
}

// Sets keys of a section of the node's config.ini, or of another file; gives the text that was there before.
export function configure(node, section, values, name = 'config.ini') {
    const file = `${node.dir}/${name}`;
    const before = readFileSync(file, 'utf8');
    let inside = false;
    const lines = before.split('\n').flatMap((line) => {
        const head = /^\s*\[(\w+)\]/.exec(line);
        inside = head ? head[1] === section : inside;
        if (head && inside)
            return [line, ...Object.entries(values).map(([k, v]) => `    ${k}=${v}`)];
        return inside && Object.keys(values).some((k) => new RegExp(`^\\s*${k}\\s*=`).test(line)) ? [] : [line];
    });
    writeFileSync(file, lines.join('\n'));
    return before;
}

export class Chain {
    static async build(cbcos, { nodes = 4, keep = false, debug = false, sm = false, pages = false, epoch = 0, env = {} } = {}) {
        const c = new Chain();
        Object.assign(c, { cbcos, keep, sm, work: mkdtempSync(join(tmpdir(), 'cbcos-network-')), loads: [] });
        c.ports = await freePorts(40);
        const dir = join(c.work, 'chain');
        const ports = [0, 10, 20, 30].map((d) => c.ports + d).join(',');
        const extra = [...(debug ? ['-E'] : []), ...(sm ? ['-s', '--tls'] : []), ...(pages ? ['-k', '10240'] : [])];
        const made = spawnSync(cbcos, ['chain', 'build', '-l', `127.0.0.1:${nodes}`, '-o', dir, '-p', ports, ...extra],
            { encoding: 'utf8', env: { ...process.env, ...env } });
        must(made.status === 0, () => `cbcos chain build: ${made.stderr || made.stdout || made.error}`);
        c.dir = dir;
        c.host = join(dir, '127.0.0.1');
        const sdk = (f) => readFileSync(join(c.host, 'sdk', f));
        c.certs = { ca: sdk('ca.crt'), cert: sdk('sdk.crt'), key: sdk('sdk.key'), checkServerIdentity: () => undefined };
        c.nodes = Array.from({ length: nodes }, (_, i) => new Node(c, i));
        if (epoch) // rPBFT: four of the sealers work, others after so many blocks
            for (const n of c.nodes)
                configure(n, 'consensus', { consensus_type: 'rpbft', epoch_sealer_num: 4, epoch_block_num: epoch }, 'config.genesis');
        return c;
    }

    async startAll() {
        this.nodes.forEach((n) => n.running || n.start());
        return Promise.all(this.nodes.map((n) => n.serving()));
    }

    endAll(signal, ms) {
        return Promise.all(this.nodes.map((n) => n.end(signal, ms)));
    }

    heights() {
        return Promise.all(this.nodes.map((n) => n.height()));
    }

    // All nodes have the same block at every height from..min; gives that height.
    async agree(from = 1) {
        const top = Math.min(...await this.heights());
        for (let h = from; h <= top; h++) {
            const all = await Promise.all(this.nodes.map((n) => n.block(h)));
            for (const [i, b] of all.entries())
                must(JSON.stringify(b) === JSON.stringify(all[0]),
                    () => `block ${h}: node0 has ${JSON.stringify(all[0]).slice(0, 300)}, node${i} ${JSON.stringify(b).slice(0, 300)}`);
        }
        return top;
    }

    // Every node reaches the height that the highest has now.
    async level(ms = 30000) {
        const top = Math.max(...await this.heights());
        await until(`all nodes reach block ${top}`, ms, async () => {
            const h = await this.heights();
            must(Math.min(...h) >= top, `heights ${h}`);
            return true;
        });
        return top;
    }

    async grows(node, blocks, ms) {
        const from = await node.height();
        await until(`node${node.index} gets from block ${from} to ${from + blocks}`, ms, async () => {
            const h = await node.height();
            must(h >= from + blocks, `it is at ${h}`);
            return true;
        });
    }

    // Steady load from a process of its own.
    load(options = {}) {
        const l = new Load(this, options);
        this.loads.push(l);
        return l;
    }

    async close() {
        await Promise.all(this.loads.map((l) => l.end().catch(() => {})));
        await Promise.all(this.nodes.map((n) => n.end('SIGKILL').catch(() => {})));
        if (this.keep)
            console.log(`kept: ${this.work}`);
        else
            rmSync(this.work, { recursive: true, force: true });
    }

    save(to) {
        cpSync(this.dir, to, { recursive: true, filter: (f) => !/\/data(\/|$)/.test(f) });
    }
}

// cbcos bench on this chain; its JSON. Fails when not everything was committed.
export function bench(chain, ...args) {
    return new Promise((done, fail) => {
        const p = spawn(chain.cbcos, ['bench', ...args, '--dir', chain.host, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
        const out = [];
        const err = [];
        const late = setTimeout(() => p.kill('SIGKILL'), 60000);
        p.stdout.on('data', (d) => out.push(d));
        p.stderr.on('data', (d) => err.push(d));
        p.once('error', fail);
        p.once('close', (code, signal) => {
            clearTimeout(late);
            try {
                const r = JSON.parse(Buffer.concat(out).toString());
                must(code === 0, `bench ended with ${code}: ${JSON.stringify({ ...r, nodes: undefined })}`);
                done(r);
            } catch (e) {
                fail(new Error(`bench ${args.join(' ')}: ${e.message} (exit ${code ?? signal}) ${Buffer.concat(err).toString().trim().slice(-300)}`));
            }
        });
    });
}

export class Load {
    // onTold(hash, {block, status, node}): called for each receipt.
    constructor(chain, { rate = 150, over = 'http', nodes = chain.nodes, variants = false, onTold = () => {} } = {}) {
        this.told = new Map(); // hash -> {block, status, node}
        this.refused = [];
        const sender = join(chain.cbcos, '..', 'cbcos-sender');
        const peers = nodes.flatMap((n) => ['--peer', `127.0.0.1:${n.rpcPort}`]);
        this.proc = spawn(sender, ['--sdk', join(chain.host, 'sdk'), '--rate', String(Math.round(rate)), '--over', over,
            ...(chain.sm ? ['--sm'] : []), ...(variants ? ['--variants'] : []), ...peers],
            { stdio: ['ignore', 'pipe', 'ignore'] });
        this.ended = new Promise((done) => {
            this.proc.once('error', (e) => done(String(e)));
            this.proc.once('close', (code, signal) => done(signal ?? code));
        });
        createInterface({ input: this.proc.stdout }).on('line', (line) => {
            const [word, ...rest] = line.split(' ');
            if (word === 'told') {
                const t = { block: Number(rest[1]), status: Number(rest[2]), node: nodes[Number(rest[3])].index };
                this.told.set(rest[0], t);
                onTold(rest[0], t);
            } else if (word === 'refused')
                this.refused.push(line.slice(8));
            else if (word === 'sent')
                this.sent = Number(rest[0]);
        });
    }

    // Waits until n more receipts were told.
    more(n, ms = 15000) {
        const want = this.told.size + n;
        return until(() => `${n} more receipts (${want - this.told.size} to come, refused ${this.refused.length}: ${this.refused.at(-1) ?? ''})`,
            ms, () => this.told.size >= want, 50);
    }

    async end() {
        if (this.proc.exitCode === null && this.proc.signalCode === null)
            this.proc.kill('SIGTERM');
        const how = await this.ended;
        must(how === 0, `cbcos-sender ended with ${how}`);
        return this.told;
    }

    // Each transaction that a client was told of is in the block that it was told, on this node.
    async isOn(node) {
        const blocks = new Map();
        for (const [hash, t] of this.told) {
            if (!blocks.has(t.block))
                blocks.set(t.block, new Set((await node.block(t.block)).transactions));
            must(blocks.get(t.block).has(hash),
                `transaction ${hash}, answered by node${t.node} for block ${t.block}, is not there on node${node.index}`);
        }
    }
}
