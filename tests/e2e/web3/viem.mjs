// viem against the Web3 port: strict decoding of every reply.
import {
    BaseError, createPublicClient, createWalletClient, decodeEventLog, defineChain, http, parseAbiItem,
} from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { args, assert, contract, finish, sleep, test } from './lib.mjs';

const { url } = args({ url: 'http://127.0.0.1:8545' });
const probe = contract('Probe');
const token = contract('Token');

let chain;
let reader;
let writer;
let batcher;
const account = privateKeyToAccount(generatePrivateKey());

await test('node answers', async () => {
    const bare = createPublicClient({ transport: http(url, { retryCount: 0 }) });
    const id = await bare.getChainId();
    chain = defineChain({
        id, name: 'local', nativeCurrency: { name: 'x', symbol: 'X', decimals: 18 },
        rpcUrls: { default: { http: [url] } },
    });
    reader = createPublicClient({ chain, transport: http(url), pollingInterval: 200 });
    writer = createWalletClient({ chain, account, transport: http(url) });
    batcher = createPublicClient({ chain, transport: http(url, { batch: { batchSize: 8, wait: 20 } }) });
}, { needed: true });

let address;
let receipt;

await test('deploy', async () => {
    const hash = await writer.deployContract({ ...probe, args: [5n] });
    const r = await reader.waitForTransactionReceipt({ hash, timeout: 30000 });
    assert.equal(r.status, 'success');
    assert.equal(r.type.length > 0, true);
    address = r.contractAddress;
    assert.match(address, /^0x[0-9a-fA-F]{40}$/);
}, { needed: true });
await test('read', async () => {
    assert.equal(await reader.readContract({ address, abi: probe.abi, functionName: 'value' }), 5n);
});
await test('simulate and write', async () => {
    const { request, result } = await reader.simulateContract({
        account, address, abi: probe.abi, functionName: 'set', args: [6n, 'six'],
    });
    assert.equal(result, 5n);
    const hash = await writer.writeContract(request);
    receipt = await reader.waitForTransactionReceipt({ hash, timeout: 30000 });
    assert.equal(receipt.status, 'success');
    assert.equal(typeof receipt.transactionIndex, 'number');
    assert.ok(receipt.gasUsed > 0n && receipt.cumulativeGasUsed >= receipt.gasUsed);
}, { needed: true });
await test('event', async () => {
    const { eventName, args: a } = decodeEventLog({
        abi: probe.abi, data: receipt.logs[0].data, topics: receipt.logs[0].topics,
    });
    assert.equal(eventName, 'Changed');
    assert.equal(a.value, 6n);
    assert.equal(receipt.logs[0].logIndex, 0);
    assert.equal(receipt.logs[0].blockNumber, receipt.blockNumber);
});
await test('logs of a block', async () => {
    const logs = await reader.getLogs({ address, blockHash: receipt.blockHash });
    assert.equal(logs.length, 1);
    assert.equal(logs[0].transactionHash, receipt.transactionHash);
});
await test('logs by event and range', async () => {
    const event = parseAbiItem(
        'event Changed(address indexed who, uint256 indexed before, uint256 value, string note)');
    const logs = await reader.getLogs({
        address, event, args: { who: account.address }, fromBlock: 0n, toBlock: 'latest',
    });
    assert.equal(logs.length, 1);
    assert.equal(logs[0].args.note, 'six');
});
await test('blocks by tag', async () => {
    for (const blockTag of ['latest', 'earliest', 'safe', 'finalized', 'pending']) {
        const block = await reader.getBlock({ blockTag });
        assert.equal(typeof block.timestamp, 'bigint', blockTag);
    }
});
await test('block with transactions', async () => {
    const block = await reader.getBlock({ blockHash: receipt.blockHash, includeTransactions: true });
    const tx = block.transactions.find((t) => t.hash === receipt.transactionHash);
    assert.equal(tx.transactionIndex, receipt.transactionIndex);
    assert.equal(tx.from.toLowerCase(), account.address.toLowerCase());
    assert.equal(await reader.getBlockTransactionCount({ blockHash: receipt.blockHash }),
        block.transactions.length);
});
await test('transaction by block and index', async () => {
    const tx = await reader.getTransaction({
        blockHash: receipt.blockHash, index: receipt.transactionIndex,
    });
    assert.equal(tx.hash, receipt.transactionHash);
});
await test('revert reason', async () => {
    const e = await reader.simulateContract({
        account, address, abi: probe.abi, functionName: 'failWithText',
    }).then(() => assert.fail('no error'), (x) => x);
    assert.ok(e instanceof BaseError && /not today/.test(e.message), e.message);
});
await test('custom error', async () => {
    const e = await reader.readContract({
        account, address, abi: probe.abi, functionName: 'failWithError', args: [9n],
    }).then(() => assert.fail('no error'), (x) => x);
    assert.match(e.message, /Refused/);
});
await test('batch of requests', async () => {
    const values = await Promise.all(Array.from({ length: 8 }, () =>
        batcher.readContract({ address, abi: probe.abi, functionName: 'value' })));
    assert.ok(values.every((v) => v === 6n));
});
await test('batch of one', async () => {
    assert.equal(await batcher.getBlockNumber({ cacheTime: 0 }) >= receipt.blockNumber, true);
});
await test('filters', async () => {
    const filter = await reader.createEventFilter({ address, fromBlock: receipt.blockNumber });
    const old = await reader.getFilterLogs({ filter });
    assert.ok(old.length >= 1);
    const blocks = await reader.createBlockFilter();
    const hash = await writer.writeContract({
        address, abi: probe.abi, functionName: 'set', args: [8n, 'eight'],
    });
    await reader.waitForTransactionReceipt({ hash, timeout: 30000 });
    await sleep(300);
    const fresh = await reader.getFilterChanges({ filter });
    assert.ok(fresh.some((l) => l.transactionHash === hash));
    assert.ok((await reader.getFilterChanges({ filter: blocks })).length >= 1);
    assert.equal(await reader.uninstallFilter({ filter }), true);
    assert.equal(await reader.uninstallFilter({ filter }), false);
});
await test('quick sends with nonces of the client', async () => {
    let nonce = await reader.getTransactionCount({ address: account.address });
    const hashes = [];
    for (let i = 0; i < 10; i++)
        hashes.push(await writer.writeContract({
            address, abi: probe.abi, functionName: 'add', args: [1n], nonce: nonce++, gas: 200000n,
        }));
    for (const hash of hashes) {
        const r = await reader.waitForTransactionReceipt({ hash, timeout: 30000 });
        assert.equal(r.status, 'success');
    }
});
await test('ERC-20', async () => {
    let hash = await writer.deployContract({ ...token, args: [1000n] });
    const at = (await reader.waitForTransactionReceipt({ hash, timeout: 30000 })).contractAddress;
    hash = await writer.writeContract({
        address: at, abi: token.abi, functionName: 'transfer', args: [address, 10n],
    });
    assert.equal((await reader.waitForTransactionReceipt({ hash, timeout: 30000 })).status, 'success');
    const balance = (who) => reader.readContract({
        address: at, abi: token.abi, functionName: 'balanceOf', args: [who],
    });
    assert.equal(await balance(address), 10n);
    assert.equal(await balance(account.address), 990n);
});
await test('fees', async () => {
    assert.equal(typeof await reader.getGasPrice(), 'bigint');
    const fees = await reader.estimateFeesPerGas();
    assert.equal(typeof fees.maxFeePerGas, 'bigint');
});
finish();
