// Named scenarios on one chain: options, order, "ok|FAIL|SKIP NAME" lines and "N passed, M failed".
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { must, now, sleep } from './lib.mjs';

export class Skip extends Error {} // thrown by a scenario that cannot run here; the message says why

// Words like `--name value` (`--name` alone for booleans) over the defaults; ends the program on others.
export function options(defaults, usage) {
    const o = { ...defaults };
    const words = process.argv.slice(2);
    while (words.length) {
        const name = words.shift().replace(/^--/, '');
        const value = typeof o[name] === 'boolean' ? true : words.shift();
        if (!(name in o) || value === undefined || (typeof o[name] === 'number' && !(Number(value) >= 0)))
            refuse(`usage: ${usage}`);
        o[name] = typeof o[name] === 'number' ? Number(value) : value;
    }
    return o;
}

export function refuse(why) {
    console.error(why);
    process.exit(2);
}

// Runs those that o.only names, or all, and ends the program. kind:
//   build(cbcos)      what scenarios get: { nodes, close() }; a new one after each failure
//   ready(subject)    before each scenario: all nodes run and agree
//   story(subject)    lines to print after a failure
//   seed              printed with a failure
export async function run(scenarios, o, kind) {
    if (o.list) {
        console.log(Object.keys(scenarios).join('\n'));
        process.exit(0);
    }
    const names = o.only ? o.only.split(',') : Object.keys(scenarios);
    const cbcos = resolve(o.cbcos);
    const unknown = names.filter((n) => !scenarios[n]);
    if (unknown.length || !existsSync(cbcos))
        refuse(unknown.length ? `no such scenario: ${unknown}` : `no such program: ${cbcos}`);

    let passed = 0;
    let failed = 0;
    let subject;
    const stop = async () => {
        await subject?.close();
        process.exit(1);
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);

    const dead = () => (subject?.nodes ?? []).filter((n) => n.exits.length)
        .map((n) => `node${n.index} ended by itself: ${n.exits}${n.tail()}`).join('; ');

    for (const name of names) {
        const from = now();
        const took = () => `(${((now() - from) / 1000).toFixed(1)} s)`;
        try {
            subject ??= await kind.build(cbcos);
            await kind.ready(subject);
            const said = await scenarios[name](subject, o);
            must(!dead(), () => dead());
            passed++;
            console.log(`ok ${name} ${took()} ${said ?? ''}`);
        } catch (e) {
            if (e instanceof Skip) {
                console.log(`SKIP ${name} ${e.message}`);
                continue;
            }
            failed++;
            const ended = dead();
            const seed = kind.seed === undefined ? '' : ` seed ${kind.seed}:`;
            const why = e.message === ended ? [] : [e.message.split('\n')[0]];
            console.log(`FAIL ${name} ${took()}${seed} ${[...why, ...(ended ? [ended] : [])].join('; ')}`);
            if (process.env.VERBOSE)
                console.log(e.stack);
            for (const line of subject ? kind.story?.(subject) ?? [] : [])
                console.log(`     ${line}`);
            for (const n of subject?.nodes ?? [])
                for (const line of n.complaints().slice(-3))
                    console.log(`     node${n.index}: ${line.slice(0, 300)}`);
            if (o.hold)
                await sleep(3600000);
            await subject?.close();
            subject = undefined;
        }
    }
    await subject?.close();
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 && passed > 0 ? 0 : 1);
}
