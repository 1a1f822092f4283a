import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';
export default buildModule('Probe', (m) => {
    const probe = m.contract('Probe', [41n]);
    const set = m.call(probe, 'set', [42n, 'ignited']);
    m.call(probe, 'makeChild', [], { after: [set] });
    return { probe };
});
