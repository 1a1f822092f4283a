// TCP relays between nodes: one for each pair and direction of dialing. TLS passes untouched, so what
// happens to bytes is what networks do to connections: late, slow, held back, cut, opened twice.
import net from 'node:net';

const HELD_MAX = 4 << 20; // bytes of one direction that wait here; then we stop reading

export function random(seed) {
    let a = seed >>> 0;
    const next = () => { // mulberry32
        a = (a + 0x6d2b79f5) | 0;
        let t = Math.imul(a ^ (a >>> 15), 1 | a);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return {
        next,
        below: (n) => Math.floor(next() * n),
        between: (low, high) => low + next() * (high - low),
        pick: (list) => list[Math.floor(next() * list.length)],
        shuffle: (list) => list.map((v) => [next(), v]).sort((x, y) => x[0] - y[0]).map((x) => x[1]),
    };
}

// One direction of one connection. flow: what now holds for bytes from one node to the other.
class Pipe {
    constructor(from, to, flow, fabric) {
        Object.assign(this, { from, to, flow, fabric, queue: [], held: 0, freeAt: 0, timer: null, done: false });
        from.on('data', (chunk) => {
            const { delay, jitter } = this.flow;
            const last = this.queue.at(-1)?.due ?? 0; // order is kept
            this.queue.push({ chunk, due: Math.max(last, performance.now() + delay + this.fabric.rng.next() * jitter) });
            this.held += chunk.length;
            if (this.held > HELD_MAX)
                from.pause();
            this.pump();
        });
        from.on('end', () => { this.done = true; this.pump(); });
        to.on('drain', () => this.pump());
    }

    pump() {
        clearTimeout(this.timer);
        while (this.queue.length && !this.flow.hold && !this.to.destroyed && !this.to.writableNeedDrain) {
            const now = performance.now();
            const wait = Math.max(this.queue[0].due, this.freeAt) - now;
            if (wait > 0) {
                this.timer = setTimeout(() => this.pump(), Math.ceil(wait));
                return;
            }
            const { chunk } = this.queue.shift();
            this.held -= chunk.length;
            this.freeAt = now + chunk.length / this.flow.rate * 1000;
            this.to.write(chunk);
            if (this.held <= HELD_MAX && this.from.isPaused())
                this.from.resume();
        }
        if (!this.queue.length && this.done && !this.to.destroyed)
            this.to.end();
    }

    stop() {
        clearTimeout(this.timer);
        this.queue = [];
    }
}

export class Fabric {
    // ports: the nodes' real P2P ports.
    static async build(ports, rng) {
        const f = new Fabric();
        Object.assign(f, { n: ports.length, ports, rng, servers: [], conns: new Set(), passed: 0, doubled: 0 });
        f.flows = ports.map(() => ports.map(() => ({})));
        f.relays = ports.map(() => ports.map(() => 0));
        f.cuts = new Set(); // "a b", a < b
        f.twice = false;
        f.heal();
        for (let a = 0; a < f.n; a++)
            for (let b = 0; b < f.n; b++)
                if (a !== b)
                    f.relays[a][b] = await f.listen(a, b);
        return f;
    }

    listen(a, b) {
        return new Promise((done, fail) => {
            const s = net.createServer((client) => this.accept(a, b, client));
            s.once('error', fail);
            s.listen(0, '127.0.0.1', () => done(s.address().port));
            this.servers.push(s);
        });
    }

    accept(a, b, client) {
        if (this.isCut(a, b)) {
            client.destroy();
            return;
        }
        const up = net.connect(this.ports[b], '127.0.0.1');
        const c = { a, b, client, up, pipes: [] };
        this.conns.add(c);
        this.passed++;
        c.pipes = [new Pipe(client, up, this.flows[a][b], this), new Pipe(up, client, this.flows[b][a], this)];
        for (const s of [client, up]) {
            s.setNoDelay(true);
            s.on('error', () => {});
            s.on('close', () => this.close(c));
        }
        if (this.twice) { // the same bytes again, to nobody who could answer
            const copy = net.connect(this.ports[b], '127.0.0.1');
            copy.on('error', () => {});
            copy.resume();
            client.on('data', (d) => copy.destroyed || copy.write(d));
            client.on('close', () => copy.destroy());
            this.doubled++;
        }
    }

    close(c) {
        this.conns.delete(c);
        for (const p of c.pipes)
            p.stop();
        c.client.destroy();
        c.up.destroy();
    }

    isCut(a, b) {
        return this.cuts.has(`${Math.min(a, b)} ${Math.max(a, b)}`);
    }

    // What holds from now on for bytes from a to b: hold, delay and jitter in ms, rate in bytes a second.
    set(a, b, policy) {
        Object.assign(this.flows[a][b], policy);
        this.pumpAll();
    }

    // Connections between a and b end; new ones are refused until heal().
    cut(a, b) {
        this.cuts.add(`${Math.min(a, b)} ${Math.max(a, b)}`);
        this.reset(a, b);
    }

    // Connections end, new ones are let through.
    reset(a, b) {
        for (const c of [...this.conns])
            if ((c.a === a && c.b === b) || (c.a === b && c.b === a))
                this.close(c);
    }

    // how: 'cut' closes connections; 'hole' swallows bytes in silence; 'oneway' only those from left to right.
    partition(left, right, how) {
        for (const a of left) {
            for (const b of right) {
                if (how === 'cut') {
                    this.cut(a, b);
                } else {
                    this.set(a, b, { hold: true });
                    if (how === 'hole')
                        this.set(b, a, { hold: true });
                }
            }
        }
    }

    // lose: connections with held bytes end, as a network's that was away for long; else they go on late.
    heal(lose = false) {
        this.cuts.clear();
        this.twice = false;
        for (const c of [...this.conns])
            if (lose && c.pipes.some((p) => p.held))
                this.close(c);
        for (const row of this.flows)
            for (const flow of row)
                Object.assign(flow, { hold: false, delay: 0, jitter: 0, rate: Infinity });
        this.pumpAll();
    }

    pumpAll() {
        for (const c of this.conns)
            for (const p of c.pipes)
                p.pump();
    }

    end() {
        for (const c of [...this.conns])
            this.close(c);
        for (const s of this.servers)
            s.close();
    }
}
