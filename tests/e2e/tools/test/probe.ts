import { expect } from 'chai';
import hre from 'hardhat';
import module from '../ignition/modules/Probe.js';

const { ethers, ignition } = await hre.network.create();

describe('Probe', () => {
    it('deploys and emits', async () => {
        const probe = await ethers.deployContract('Probe', [5n]);
        await expect(probe.set(6n, 'six')).to.emit(probe, 'Changed');
        expect(await probe.value()).to.equal(6n);
    });
    it('reverts as its sources say', async () => {
        const probe = await ethers.deployContract('Probe', [5n]);
        await expect(probe.failWithText()).to.be.revertedWith('not today');
        await expect(probe.failWithError(3n)).to.be.revertedWithCustomError(probe, 'Refused');
        await expect(probe.failWithPanic(0n)).to.be.revertedWithPanic(0x12);
    });
    it('is deployed by Ignition', async () => {
        const { probe } = await ignition.deploy(module);
        expect(await probe.value()).to.equal(42n);
        expect(await probe.child()).to.not.equal(ethers.ZeroAddress);
    });
});
