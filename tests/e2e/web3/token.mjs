// Deploys an OpenZeppelin ERC-20 and makes many transfers, from a new account without any balance.
import { JsonRpcProvider, Wallet, ContractFactory, Network } from 'ethers';
import { args, assert, contract, each, mined, rpc, sleep } from './lib.mjs';

const { url, transfers } = args({ url: 'http://127.0.0.1:8545', transfers: 1000 });
const say = (text) => console.log(`       ${text}`);

async function main() {
    const id = await rpc(url, 'eth_chainId');
    const network = Network.from(BigInt(id.result));
    // A node limits the size of a batch, so every request goes alone.
    const provider = new JsonRpcProvider(url, network, {
        staticNetwork: network, batchMaxCount: 1, pollingInterval: 200, cacheTimeout: -1,
    });
    const owner = new Wallet(Wallet.createRandom().privateKey, provider);
    const { abi, bytecode } = contract('Token');
    const supply = 10n ** 24n;
    const token = await new ContractFactory(abi, bytecode, owner).deploy(supply);
    const deployed = await mined(token.deploymentTransaction(), 60000);
    assert.equal(deployed.status, 1, 'deployment failed');
    assert.equal(await token.balanceOf(owner.address), supply);
    say(`token at ${await token.getAddress()}, block ${deployed.blockNumber}`);

    // Signed here, sent without waiting for one another.
    const to = Wallet.createRandom().address;
    const amount = 7n;
    const first = await provider.getTransactionCount(owner.address);
    const fees = await provider.getFeeData();
    const gasPrice = fees.gasPrice ?? 0n;
    const started = Date.now();
    const hashes = new Array(transfers);
    let sent = 0;
    await each(transfers, 32, async (i) => {
        const call = await token.transfer.populateTransaction(to, amount);
        const raw = await owner.signTransaction({
            ...call, type: 0, chainId: network.chainId, nonce: first + i, gasLimit: 200000n, gasPrice,
        });
        hashes[i] = await provider.send('eth_sendRawTransaction', [raw]);
        if (++sent % 250 === 0)
            say(`${sent} transfers sent`);
    });

    let done = 0;
    await each(transfers, 16, async (i) => {
        for (let tries = 0; ; tries++) {
            const receipt = await provider.send('eth_getTransactionReceipt', [hashes[i]]);
            if (receipt) {
                assert.equal(receipt.status, '0x1', `transfer ${hashes[i]} failed`);
                assert.equal(receipt.logs.length, 1, `transfer ${hashes[i]} has no event`);
                break;
            }
            assert.ok(tries < 600, `transfer ${hashes[i]} is in no block`);
            await sleep(100);
        }
        if (++done % 250 === 0)
            say(`${done} transfers in blocks`);
    });
    const seconds = (Date.now() - started) / 1000;
    assert.equal(await token.balanceOf(to), amount * BigInt(transfers));
    assert.equal(await token.balanceOf(owner.address), supply - amount * BigInt(transfers));
    say(`${transfers} transfers in ${seconds.toFixed(1)} s, balances right`);
}

main().then(() => process.exit(0), (e) => {
    console.error(`token: ${e?.cause?.message ?? e?.shortMessage ?? e?.message ?? e}`);
    process.exit(1);
});
