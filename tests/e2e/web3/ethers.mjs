// ethers against the Web3 port: what applications do, from accounts that own nothing.
import {
    AbiCoder, Contract, ContractFactory, Interface, JsonRpcProvider, Wallet, WebSocketProvider, isError,
    keccak256, toUtf8Bytes,
} from 'ethers';
import { args, assert, contract, each, finish, mined, rpc, sleep, test } from './lib.mjs';

const { url } = args({ url: 'http://127.0.0.1:8545' });
const { abi, bytecode } = contract('Probe');

await test('node answers', async () => {
    const reply = await fetch(url, {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}',
    }).catch((e) => {
        throw new Error(e?.cause?.message ?? e.message);
    });
    assert.match((await reply.json()).result, /^0x[1-9a-f][0-9a-f]*$/);
}, { needed: true });

// ethers would answer a repeated question from a cache of 250 ms: nonces and values would be stale.
const provider = new JsonRpcProvider(url, undefined, {
    batchMaxCount: 1, pollingInterval: 200, cacheTimeout: -1,
});
const wallet = new Wallet(Wallet.createRandom().privateKey, provider);
let probe;
let setReceipt;

await test('network', async () => {
    const network = await provider.getNetwork();
    assert.equal(String(network.chainId), await provider.send('net_version', []));
});
await test('block number grows or stays', async () => {
    const a = await provider.getBlockNumber();
    assert.ok(await provider.getBlockNumber() >= a);
});
await test('balance of nobody is zero', async () => {
    assert.equal(await provider.getBalance(wallet.address), 0n);
    assert.equal(await provider.getTransactionCount(wallet.address), 0);
});
await test('deploy', async () => {
    const made = await new ContractFactory(abi, bytecode, wallet).deploy(41n);
    const receipt = await mined(made.deploymentTransaction());
    assert.equal(receipt.status, 1);
    assert.equal(receipt.contractAddress, await made.getAddress());
    probe = new Contract(receipt.contractAddress, abi, wallet);
}, { needed: true });
await test('code', async () => {
    assert.ok((await provider.getCode(probe.target)).length > 100);
    assert.equal(await provider.getCode(wallet.address), '0x');
});
await test('call', async () => assert.equal(await probe.value(), 41n));
await test('call with bytes', async () => {
    const data = '0x' + 'ab'.repeat(1000);
    assert.equal(await probe.echo(data), data);
});
await test('block data', async () => {
    const [number, time, chain] = await probe.blockData();
    assert.ok(number > 0n && time > 1600000000n);
    assert.equal(chain, (await provider.getNetwork()).chainId);
});
await test('estimate gas', async () => assert.ok(await probe.set.estimateGas(1n, 'x') > 21000n));
await test('send and wait', async () => {
    const tx = await probe.set(42n, 'first');
    setReceipt = await mined(tx);
    assert.equal(setReceipt.status, 1);
    assert.equal(setReceipt.from, wallet.address);
    assert.equal(setReceipt.to, probe.target);
    assert.equal(await probe.value(), 42n);
    assert.equal(await probe.note(), 'first');
    assert.equal(await provider.getTransactionCount(wallet.address), 2);
}, { needed: true });
await test('event in the receipt', async () => {
    assert.equal(setReceipt.logs.length, 1);
    const event = new Interface(abi).parseLog(setReceipt.logs[0]);
    assert.equal(event.name, 'Changed');
    assert.deepEqual([...event.args], [wallet.address, 41n, 42n, 'first']);
    assert.equal(setReceipt.logs[0].transactionHash, setReceipt.hash);
});
await test('logs by filter', async () => {
    const found = await probe.queryFilter(probe.filters.Changed(wallet.address), 0, 'latest');
    assert.equal(found.length, 1);
    assert.equal(found[0].transactionHash, setReceipt.hash);
    assert.equal(found[0].args.value, 42n);
    const none = await probe.queryFilter(probe.filters.Changed(probe.target), 0, 'latest');
    assert.equal(none.length, 0);
});
await test('transaction by hash', async () => {
    const tx = await provider.getTransaction(setReceipt.hash);
    assert.equal(tx.hash, setReceipt.hash);
    assert.equal(tx.from, wallet.address);
    assert.equal(tx.nonce, 1);
    assert.equal(tx.blockNumber, setReceipt.blockNumber);
    assert.equal(tx.data, probe.interface.encodeFunctionData('set', [42n, 'first']));
});
await test('block by number and by hash', async () => {
    const a = await provider.getBlock(setReceipt.blockNumber);
    const b = await provider.getBlock(a.hash);
    assert.equal(a.hash, setReceipt.blockHash);
    assert.equal(b.number, a.number);
    assert.ok(a.transactions.includes(setReceipt.hash));
    const parent = await provider.getBlock(a.number - 1);
    assert.equal(a.number > 1 ? parent.hash : a.parentHash, a.parentHash);
});
await test('block with whole transactions', async () => {
    const block = await provider.getBlock(setReceipt.blockNumber, true);
    const tx = block.prefetchedTransactions.find((t) => t.hash === setReceipt.hash);
    assert.equal(tx.from, wallet.address);
});
await test('unknown hash is null', async () => {
    const hash = keccak256(toUtf8Bytes('nothing'));
    assert.equal(await provider.getTransaction(hash), null);
    assert.equal(await provider.getTransactionReceipt(hash), null);
    assert.equal(await provider.getBlock(hash), null);
});
await test('revert text of a call', async () => {
    const e = await probe.failWithText.staticCall().then(() => assert.fail('no error'), (x) => x);
    assert.ok(isError(e, 'CALL_EXCEPTION'), e.code);
    assert.equal(e.reason, 'not today');
});
await test('custom error of a call', async () => {
    const e = await probe.failWithError(7n).then(() => assert.fail('no error'), (x) => x);
    assert.ok(isError(e, 'CALL_EXCEPTION'), e.code);
    assert.equal(e.revert?.name, 'Refused');
    assert.equal(e.revert.args[1], 7n);
});
await test('panic of a call', async () => {
    const e = await probe.failWithPanic(0n).then(() => assert.fail('no error'), (x) => x);
    assert.equal(e.revert?.name, 'Panic');
    assert.equal(Number(e.revert.args[0]), 18); // division by zero
});
await test('a reverted transaction is in a block', async () => {
    const before = await probe.value();
    const tx = await probe.failWithText({ gasLimit: 300000n });
    const e = await mined(tx).then(() => assert.fail('no error'), (x) => x);
    assert.ok(isError(e, 'CALL_EXCEPTION'), e.code);
    assert.equal(e.receipt.status, 0);
    assert.equal(await probe.value(), before);
});
for (const [name, fields] of [
    ['legacy', { type: 0 }],
    ['access list', { type: 1, accessList: [] }],
    ['fee market', { type: 2 }],
]) {
    await test(`send of type ${name}`, async () => {
        const tx = await probe.add(1n, fields);
        const receipt = await mined(tx);
        assert.equal(receipt.status, 1);
        assert.equal((await provider.getTransaction(tx.hash)).type, fields.type);
    });
}
await test('twenty sends without waiting', async () => {
    const before = await probe.value();
    const first = await provider.getTransactionCount(wallet.address);
    const sent = [];
    for (let i = 0; i < 20; i++)
        sent.push(await probe.add(1n, { nonce: first + i, gasLimit: 200000n }));
    for (const tx of sent)
        assert.equal((await mined(tx)).status, 1);
    assert.equal(await probe.value(), before + 20n);
    assert.equal(await provider.getTransactionCount(wallet.address), first + 20);
});
await test('transactions sent in the wrong order of nonces', async () => {
    const { chainId } = await provider.getNetwork();
    const sender = new Wallet(Wallet.createRandom().privateKey, provider);
    const raws = await Promise.all([...Array(8).keys()].map((nonce) => sender.signTransaction({
        type: 0, to: Wallet.createRandom().address, value: 0n, nonce, gasLimit: 100000n, gasPrice: 0n,
        chainId,
    })));
    const sent = [];
    for (const raw of raws.reverse()) {
        sent.push(await provider.broadcastTransaction(raw));
        await sleep(30); // a block could be made meanwhile
    }
    for (const tx of sent)
        assert.equal((await mined(tx)).status, 1);
    assert.equal(await provider.getTransactionCount(sender.address), 8);
});

await test('pending nonce after a quick send', async () => {
    const first = await provider.getTransactionCount(wallet.address, 'latest');
    const tx = await probe.add(1n, { gasLimit: 200000n });
    assert.ok(await provider.getTransactionCount(wallet.address, 'pending') >= first + 1);
    await mined(tx);
});
await test('eight senders at once', async () => {
    const before = await probe.value();
    await each(8, 8, async () => {
        const other = new Wallet(Wallet.createRandom().privateKey, provider);
        const tx = await probe.connect(other).add(1n, { gasLimit: 200000n });
        assert.equal((await mined(tx)).status, 1);
    });
    assert.equal(await probe.value(), before + 8n);
});
await test('a contract that makes a contract', async () => {
    const tx = await probe.makeChild({ gasLimit: 1000000n });
    assert.equal((await mined(tx)).status, 1);
    const child = await probe.child();
    const made = contract('Child');
    assert.equal(await new Contract(child, made.abi, provider).parent(), probe.target);
});
await test('storage', async () => {
    const word = await provider.getStorage(probe.target, 0);
    assert.equal(AbiCoder.defaultAbiCoder().decode(['uint256'], word)[0], await probe.value());
});
await test('a used nonce is refused', async () => {
    const raw = await wallet.signTransaction({
        type: 0, to: probe.target, nonce: 0, gasLimit: 100000n, gasPrice: 0n, data: '0x',
        chainId: (await provider.getNetwork()).chainId,
    });
    const reply = await rpc(url, 'eth_sendRawTransaction', [raw]);
    assert.ok(reply.error, JSON.stringify(reply));
});
await test('a transaction of another chain is refused', async () => {
    const raw = await wallet.signTransaction({
        type: 0, to: probe.target, nonce: 1000, gasLimit: 100000n, gasPrice: 0n, chainId: 424242n,
    });
    assert.ok((await rpc(url, 'eth_sendRawTransaction', [raw])).error);
});
await test('bytes that are no transaction are refused', async () => {
    assert.ok((await rpc(url, 'eth_sendRawTransaction', ['0xdeadbeef'])).error);
    assert.ok((await rpc(url, 'eth_sendRawTransaction', ['nonsense'])).error);
});
await test('unknown method', async () => {
    assert.equal((await rpc(url, 'eth_noSuchMethod')).error.code, -32601);
});
await test('events by polling', async () => {
    const seen = new Promise((done) => probe.once('Changed', (who, before, value) => done(value)));
    await sleep(500);
    await mined(await probe.set(77n, 'polled'));
    assert.equal(await seen, 77n);
});
await test('WebSocket: calls, blocks and events pushed', async () => {
    const socket = new WebSocketProvider(url.replace(/^http/, 'ws'));
    try {
        const over = probe.connect(socket);
        assert.equal(await over.value(), await probe.value());
        const block = new Promise((done) => socket.once('block', done));
        const event = new Promise((done) => over.once('Changed', (who, before, value) => done(value)));
        await sleep(300); // both subscriptions are made by now
        const receipt = await mined(await probe.set(78n, 'pushed'));
        assert.equal(await event, 78n);
        assert.ok(await block <= receipt.blockNumber);
    } finally {
        await socket.destroy();
    }
});
finish();
