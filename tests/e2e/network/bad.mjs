// What a node must survive: sockets that speak nonsense, requests that are none, files with bad values.
import { spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { must, post, sleep } from './lib.mjs';

// Writes the pieces to a socket and waits until the other side closes, or a little.
function pour(socket, pieces, wait) {
    return new Promise((done) => {
        let ended = false;
        const end = () => {
            ended = true;
            socket.destroy();
            done();
        };
        socket.on('error', end);
        socket.on('close', end);
        socket.on('data', () => {});
        const write = async () => {
            for (const p of pieces) {
                if (ended)
                    return;
                socket.write(p);
                await sleep(1);
            }
            setTimeout(end, wait);
        };
        socket.once(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', write);
        setTimeout(end, wait + 3000).unref();
    });
}

const plain = (port, pieces, wait = 50) =>
    pour(net.connect(port, '127.0.0.1'), pieces, wait);

const secure = (port, certs, pieces, wait = 50) =>
    pour(tls.connect({ port, host: '127.0.0.1', ...certs, maxVersion: 'TLSv1.2' }), pieces, wait);

function u32(v) {
    const b = Buffer.alloc(4);
    b.writeUInt32BE(v >>> 0);
    return b;
}

function u16(v) {
    const b = Buffer.alloc(2);
    b.writeUInt16BE(v & 0xffff);
    return b;
}

// length u32 | version u16 | packet type u16 | seq u32 | ext u16 | rest
const frame = (length, version, type, rest) =>
    Buffer.concat([u32(length), u16(version), u16(type), u32(randomInt(1 << 30)), u16(0), rest]);

function frames() {
    const all = [];
    for (const size of [0, 1, 3, 13, 14, 0x7fffffff, 0xffffffff, 33554433])
        all.push([frame(size, 3, 5, randomBytes(40))]);
    for (let type = 0; type < 16; type++) {
        for (const version of [0, 1, 2, 3, 9]) {
            const rest = randomBytes(randomInt(200));
            all.push([frame(14 + rest.length, version, type, rest)]);
        }
    }
    for (let i = 0; i < 10; i++)
        all.push([randomBytes(randomInt(1, 4000))]);
    all.push([frame(1 << 20, 3, 5, randomBytes(64))]); // a promise that is not kept
    return all;
}

function wsFrame(opcode, payload, { fin = 0x80, mask = true, length } = {}) {
    const n = length ?? payload.length;
    const head = n < 126 ? Buffer.from([fin | opcode, (mask ? 0x80 : 0) | n])
        : n < 65536 ? Buffer.concat([Buffer.from([fin | opcode, (mask ? 0x80 : 0) | 126]), u16(n)])
            : Buffer.concat([Buffer.from([fin | opcode, (mask ? 0x80 : 0) | 127]), u32(Math.floor(n / 2 ** 32)), u32(n)]);
    if (!mask)
        return Buffer.concat([head, payload]);
    const key = randomBytes(4);
    return Buffer.concat([head, key, payload.map((b, i) => b ^ key[i % 4])]);
}

const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    + 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n';

// An SDK message: version u16 | type u16 | status u16 | seqLen u16 | seq | ext u16 | payload
const sdk = (type, payload, seqLen = 4) =>
    Buffer.concat([u16(0), u16(type), u16(0), u16(seqLen), Buffer.from('abcd'), u16(0), payload]);

function sockets() {
    const all = [[upgrade.replace('13', '99')], [upgrade + 'xx'], ['GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n']];
    const ws = (...fs) => all.push([upgrade, ...fs]);
    ws(wsFrame(2, randomBytes(300)));
    ws(wsFrame(2, sdk(0x102, Buffer.from('{"id":1'))));
    ws(wsFrame(2, sdk(0x102, Buffer.from('{}'), 60000)));
    for (const type of [0, 0x100, 0x101, 0x102, 0x110, 0x111, 0x112, 0x113, 0x115, 0x120, 0xffff])
        ws(wsFrame(2, sdk(type, randomBytes(60))), wsFrame(2, sdk(type, Buffer.alloc(0))));
    ws(wsFrame(2, Buffer.alloc(10), { length: 2 ** 40 }));
    ws(wsFrame(2, Buffer.alloc(10), { mask: false }));
    ws(wsFrame(9, Buffer.alloc(200)));
    ws(wsFrame(0, Buffer.alloc(20)), wsFrame(3, Buffer.alloc(4)));
    ws(...Array.from({ length: 40 }, () => wsFrame(1, Buffer.alloc(100, 97), { fin: 0 })));
    return all;
}

function heads() {
    return [
        ['\r\n\r\n\r\n'], ['POST'], ['POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n'],
        ['POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}'],
        ['POST / HTTP/1.1\r\nContent-Length: 3000000000\r\n\r\n', '{"a":', Buffer.alloc(100000, 32)],
        ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n', 'aa'],
        ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n'],
        ['POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nPOST'],
        ['GET /' + 'a'.repeat(100000) + ' HTTP/1.1\r\n\r\n'],
        ['GET / HTTP/1.1\r\n', ...Array.from({ length: 2000 }, (_, i) => `H${i}: ${'v'.repeat(100)}\r\n`)],
        ['GET / HTTP/9.9\r\n\r\n'], ['\0\0\0\0\0\0\0\0\0\0'], [randomBytes(5000)],
        ['POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'.repeat(500)], // answers that nobody reads
    ];
}

const deep = '['.repeat(100000);

function texts() {
    return [
        '', '{', '[]', '{}', 'null', '"x"', '1e999', deep, '{"a":'.repeat(50000), '\xff\xfe', '{"id":1}',
        '{"jsonrpc":"2.0","id":1,"method":5,"params":[]}',
        '{"jsonrpc":"2.0","id":1,"method":"getBlockByNumber","params":{}}',
        '{"jsonrpc":"2.0","id":1,"method":"getBlockByNumber","params":["group0","",99999999999999999999,true,true]}',
        '{"jsonrpc":"2.0","id":1,"method":"getBlockByNumber","params":["group0","",-1,true,true]}',
        '{"jsonrpc":"2.0","id":1,"method":"getTransaction","params":["group0","","0x12",true]}',
        '{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":["group0","","0x",true]}',
        '{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":["group0","","0xzz",true]}',
        `{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":["group0","","0x${randomBytes(500).toString('hex')}",true]}`,
        `{"jsonrpc":"2.0","id":1,"method":"call","params":["group0","","0x${'1'.repeat(200)}","0x00"]}`,
        '{"jsonrpc":"2.0","id":1,"method":"nothing","params":[]}',
        '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}',
        '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"0x1","data":"0x"},"latest"]}',
        '{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["0xffffffffffffffffff",true]}',
        '{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0xf8"]}',
        `{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0x02${randomBytes(200).toString('hex')}"]}`,
        '{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x0","toBlock":"0xffffffffff"}]}',
        `[${Array(1000).fill('{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}')}]`,
    ];
}

// All of it once, a few at a time. Answers may be anything or nothing: what counts is the node after it.
export async function attack(node) {
    const chain = node.chain;
    const own = (f) => readFileSync(join(node.dir, 'conf', f));
    const peer = { ca: own('ca.crt'), cert: own('ssl.crt'), key: own('ssl.key'), checkServerIdentity: () => undefined };
    const jobs = [];
    for (const p of frames())
        jobs.push(() => secure(node.p2pPort, peer, p));
    for (const port of [node.p2pPort, node.rpcPort]) {
        jobs.push(() => plain(port, [randomBytes(2000)]));
        jobs.push(() => plain(port, [Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), randomBytes(508)]));
        jobs.push(() => plain(port, ['GET / HTTP/1.1\r\n\r\n']));
        jobs.push(() => plain(port, [])); // connects and says nothing
        jobs.push(() => secure(port, { rejectUnauthorized: false }, ['x'])); // no certificate
    }
    for (const p of [...heads(), ...sockets()]) {
        jobs.push(() => secure(node.rpcPort, chain.certs, p));
        jobs.push(() => plain(node.web3Port, p));
    }
    for (const t of texts()) {
        jobs.push(() => post(https, { ...chain.certs, port: node.rpcPort, path: '/' }, t).catch(() => {}));
        jobs.push(() => post(http, { port: node.web3Port, path: '/' }, t).catch(() => {}));
    }
    for (const p of heads())
        jobs.push(() => plain(node.monitorPort, p));
    const lane = async () => {
        for (let job; (job = jobs.pop());) {
            await job();
            must(node.running, `the node died${node.tail()}`);
        }
    };
    const count = jobs.length;
    await Promise.all(Array.from({ length: 12 }, lane));
    return count;
}

// [file, section, key, bad value]
const badValues = [
    ['config.ini', 'p2p', 'listen_port', '70000'],
    ['config.ini', 'txpool', 'limit', 'abc'],
    ['config.ini', 'rpc', 'listen_port', '-1'],
    ['config.ini', 'txpool', 'limit', '0'],
    ['config.ini', 'consensus', 'min_seal_time', '99999999999'],
    ['config.genesis', 'consensus', 'block_tx_count_limit', '0'],
    ['config.genesis', 'version', 'compatibility_version', '9.9.9'],
    ['config.genesis', 'consensus', 'node.0', 'beef: 1'],
];

function lineOf(text, section, key) {
    let at = '';
    return text.split('\n').findIndex((l) => {
        at = /^\s*\[(.+)\]/.exec(l)?.[1] ?? at;
        return at === section && l.trim().startsWith(`${key}=`) || at === section && l.trim().startsWith(`${key} =`);
    });
}

// Starts the (stopped) node with one bad value at a time: it must name file, line and key and end.
export function badConfigs(node) {
    const wrong = [];
    for (const [file, section, key, value] of badValues) {
        const path = join(node.dir, file);
        const good = readFileSync(path, 'utf8');
        const lines = good.split('\n');
        const at = lineOf(good, section, key);
        must(at >= 0, `${file} has no ${section}.${key}`);
        lines[at] = `    ${key}=${value}`;
        writeFileSync(path, lines.join('\n'));
        const r = spawnSync(join(node.chain.host, 'fisco-bcos'), ['-c', 'config.ini', '-g', 'config.genesis'],
            { cwd: node.dir, encoding: 'utf8', timeout: 5000, killSignal: 'SIGKILL' });
        writeFileSync(path, good);
        const said = (r.stdout + r.stderr).trim();
        if (r.status === 0 || r.status === null || !said.includes(`${file}:${at + 1}:`) || !said.includes(key))
            wrong.push(`${section}.${key}=${value} (line ${at + 1}): exit ${r.status ?? r.signal}, '${said.split('\n').at(-1)}'`);
    }
    must(wrong.length === 0, wrong.join('; '));
    return badValues.length;
}
