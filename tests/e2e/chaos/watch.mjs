// What must hold at any time, asked through the public RPC while everything goes wrong.
import { now, sleep } from '../network/lib.mjs';

export class Watch {
    constructor(chain) {
        Object.assign(this, { chain, wrong: [], tops: chain.nodes.map(() => 0), blocks: new Map(), looks: 0, reads: 0, ends: false, lastGrowth: now(), best: 0 });
        this.reading = new Set();
        this.loops = chain.nodes.map((n) => this.follow(n));
    }

    say(text) {
        if (this.wrong.length < 20)
            this.wrong.push(text);
    }

    // Heights never fall, also over restarts; one block at a height, whoever is asked.
    async follow(node) {
        while (!this.ends) {
            await sleep(200);
            if (!node.running || node.paused || node.damaged)
                continue;
            try {
                const h = await node.height();
                if (h < this.tops[node.index])
                    this.say(`node${node.index} told height ${this.tops[node.index]} and later ${h}`);
                this.tops[node.index] = Math.max(h, this.tops[node.index]);
                if (h > this.best) {
                    this.best = h;
                    this.lastGrowth = now();
                }
                if (h > 0)
                    this.same(node, h, await node.block(h));
            } catch { /* dead, stopped, or late: nothing was told */ }
        }
    }

    same(node, height, block) {
        const text = [block.hash, block.stateRoot, block.receiptsRoot, block.txsRoot].join(' ');
        this.looks++;
        const first = this.blocks.get(height);
        if (!first)
            this.blocks.set(height, { text, node: node.index });
        else if (first.text !== text)
            this.say(`block ${height} of node${first.node}: ${first.text}; of node${node.index}: ${text}`);
    }

    // A node that has answered with a receipt must show what the transaction wrote: the sender's
    // contracts keep 1 at place 0.
    async told(hash, t) {
        const node = this.chain.nodes[t.node];
        if (t.status !== 0 || this.reading.has(node) || !node.running)
            return;
        this.reading.add(node);
        try {
            const r = await node.rpc('getTransactionReceipt', 'group0', '', hash, false);
            if (!r || r.blockNumber !== t.block) {
                this.say(`node${t.node} told a receipt of ${hash} in block ${t.block}, then answered ${JSON.stringify(r)?.slice(0, 200)}`);
            } else {
                const slot = await node.web3('eth_getStorageAt', r.contractAddress, '0x0', 'latest');
                if (BigInt(slot) !== 1n)
                    this.say(`node${t.node} does not see what ${hash} wrote in block ${t.block}: ${slot}`);
                await node.web3('eth_call', { to: r.contractAddress, data: '0x' }, 'latest');
                const seen = await node.web3('eth_getTransactionReceipt', hash);
                if (Number(seen?.blockNumber) !== t.block)
                    this.say(`node${t.node} told ${hash} in block ${t.block}, eth_getTransactionReceipt says ${JSON.stringify(seen)?.slice(0, 200)}`);
            }
            this.reads++;
        } catch (e) {
            if (node.running && !/ECONN|socket|answer in|destroyed|hang up|EPIPE|aborted/.test(e.message))
                this.say(`node${t.node}, after the receipt of ${hash}: ${e.message}`);
        } finally {
            this.reading.delete(node);
        }
    }

    async end() {
        this.ends = true;
        await Promise.all(this.loops);
    }
}
