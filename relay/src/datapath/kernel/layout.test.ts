import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Codec, encode } from '@netport/libbpf';
import { expect, it } from 'vitest';
import * as layout from './layout.js';

const header = fileURLToPath(new URL('../../../xdp/shared.h', import.meta.url));
const shared = readFileSync(header, 'utf8');
const lack = spawnSync('cc', ['--version']).status === 0 ? undefined : 'no C compiler';

type Value = { [field: string]: number | bigint | Uint8Array | Value };

let last = 0;
/** Each byte another one, so that no field can stand in for another. */
const bytes = (size: number) => Uint8Array.from({ length: size }, () => ++last & 0xff);
const number = (size: number) => bytes(size).reduce((all, byte) => all * 256 + byte, 0);

const key = () => ({ remote: bytes(16), remotePort: number(2), localPort: number(2), protocol: number(4) });
const hop = () => ({
  ifindex: number(4),
  ours: bytes(6),
  theirs: bytes(6),
  outerVlan: number(2),
  innerVlan: number(2),
});

const structs = {
  np_flow_key: sample(layout.flowKey, key()),
  np_flow: sample(layout.flow, {
    local: bytes(16),
    nextLocal: bytes(16),
    nextRemote: bytes(16),
    nextLocalPort: number(2),
    nextRemotePort: number(2),
    leg: number(4),
    seqAdd: number(4),
    ackAdd: number(4),
    tsvalAdd: number(4),
    tsecrAdd: number(4),
    first: number(4),
    marked: number(4),
    windowLeft: number(1),
    windowRight: number(1),
    flags: number(1),
  }),
  np_hop: sample(layout.hop, hop()),
  np_leg: sample(layout.leg, {
    seen: BigInt(number(6)),
    hop: hop(),
    nextSeq: number(4),
    lastAck: number(4),
    window: number(4),
    finSeq: number(4),
    marked: number(1),
    fin: number(1),
    finAcked: number(1),
    reset: number(1),
  }),
  np_port_key: sample(layout.portKey, { port: number(2), protocol: number(1) }),
  np_port: sample(layout.port, { circuit: bytes(16), refilled: BigInt(number(6)), budget: number(4) }),
  np_sender: sample(layout.sender, {
    seen: BigInt(number(6)),
    local: bytes(16),
    hop: hop(),
    tsval: number(4),
    window: number(2),
    timestamps: number(1),
  }),
  np_counter: sample(layout.counter, { packets: BigInt(number(6)), bytes: BigInt(number(6)) }),
  np_circuit: sample(layout.circuit, {
    id: bytes(16),
    first: key(),
    second: key(),
    since: BigInt(number(6)),
    datapath: number(1),
  }),
};

function sample<T extends object>(codec: Codec<T>, value: T) {
  return { value: value as Value, encoded: Buffer.from(encode(codec, value)).toString('hex') };
}

/** C statements that give `target` that value. Ports are in network order. */
function assignments(target: string, value: Value): string[] {
  return Object.entries(value).flatMap(([name, field]) => {
    const place = `${target}.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
    if (field instanceof Uint8Array) return [...field].map((byte, index) => `${place}[${index}] = ${byte};`);
    if (typeof field === 'object') return assignments(place, field);
    return [`${place} = ${/port$/i.test(name) ? `htons(${field})` : `${field}ULL`};`];
  });
}

function printed(): Record<string, string> {
  const blocks = Object.entries(structs).map(
    ([name, { value }]) => `{ struct ${name} it; memset(&it, 0, sizeof(it)); ${assignments('it', value).join(' ')}
  printf("${name} "); for (size_t i = 0; i < sizeof(it); i++) printf("%02x", ((unsigned char *)&it)[i]); puts(""); }`,
  );
  const source = `#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "${header}"
int main(void) { ${blocks.join('\n')} return 0; }`;
  const folder = mkdtempSync(join(tmpdir(), 'netport-layout-'));
  try {
    writeFileSync(join(folder, 'print.c'), source);
    execFileSync('cc', ['-o', join(folder, 'print'), join(folder, 'print.c')]);
    const lines = execFileSync(join(folder, 'print'), { encoding: 'utf8' }).trim().split('\n');
    return Object.fromEntries(lines.map((line) => line.split(' ')));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it.skipIf(lack)(`lays every struct out as C does${lack ? ` (skipped: ${lack})` : ''}`, () => {
  expect(Object.fromEntries(Object.entries(structs).map(([name, { encoded }]) => [name, encoded]))).toEqual(printed());
});

it('knows every struct', () => {
  const named = [...shared.matchAll(/^struct (np_\w+) \{/gm)].map(([, name]) => name);
  expect(Object.keys(structs).sort()).toEqual(named.sort());
});

it('names every drop, in order', () => {
  const named = [...shared.matchAll(/^\tNP_DROP_(\w+),/gm)].map(([, name = '']) => name.toLowerCase());
  expect(layout.dropReasons).toEqual(named);
});

it.each([
  ['NP_LAYOUT_VERSION', layout.layoutVersion],
  ['NP_BIND_BURST', layout.bindBurst],
  ['NP_BIND_PER_SECOND', layout.bindsPerSecond],
  ['NP_DELIVER', layout.flowFlags.deliver],
  ['NP_TIMESTAMPS', layout.flowFlags.timestamps],
])('%s is %i', (name, value) => {
  expect(shared).toMatch(new RegExp(`\\b${name}\\b (?:= )?${value}\\b`));
});
