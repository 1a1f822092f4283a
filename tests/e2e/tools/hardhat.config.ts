import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers';
import { resolve } from 'node:path';
import { defineConfig } from 'hardhat/config';

export default defineConfig({
    plugins: [toolbox],
    solidity: { version: '0.8.37', path: resolve('build/soljson.cjs') }, // it would download one otherwise
    paths: { sources: 'build/contracts', cache: 'build/cache', artifacts: 'build/artifacts' },
    typechain: { outDir: 'build/types' },
    ignition: { requiredConfirmations: 1 }, // a chain without load makes no further blocks
    networks: {
        chain: { type: 'http', chainType: 'l1', url: process.env.URL!, accounts: [process.env.KEY!] },
    },
});
