import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type CircuitId, encodeJoinToken, nameSchema, toBase64Url } from '@netport/protocol';
import { createLogger, type Running } from '@netport/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startRelay } from './relay.js';
import { startControl, type TestControl } from './testing/control.js';
import { closing, dial, dialLeg, readAll, readReadyMark, waitFor } from './testing/sockets.js';

const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;
const tokens = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const encoded: [string, string] = [toBase64Url(tokens[0]), toBase64Url(tokens[1])];
const version = '0.0.0-test';
const range = () => {
  const first = 20_000 + Math.floor(Math.random() * 9000);
  return { first, last: first + 99 };
};

let control: TestControl;
let data: string;
let relay: Running | undefined;

beforeEach(async () => {
  control = await startControl();
  data = await mkdtemp(joinPath(tmpdir(), 'netport-relay-'));
  await control.enrolInto(data, 'one');
});

afterEach(async () => {
  await relay?.drain(0);
  relay = undefined;
  await control.stop();
  await rm(data, { recursive: true });
});

const datapath = { datapath: 'userspace', tcpPromotion: 'off', kernelCircuits: 1, pinDirectory: '/' } as const;

const start = async (join?: string) => {
  relay = await startRelay({
    data,
    join,
    address: '127.0.0.1',
    ports: range(),
    listenAddress: '127.0.0.1',
    datapath,
    version,
    log: createLogger('relay', 'silent'),
  });
  return control.take('hello');
};

async function openCircuit() {
  control.send({ type: 'circuit.open', id: 7, circuitId, transport: 'tcp', tokens: encoded });
  const { ports, id } = await control.take('circuit.opened');
  expect(id).toBe(7);
  const legs = [dialLeg(ports[0], circuitId, tokens[0]), dialLeg(ports[1], circuitId, tokens[1])] as const;
  await Promise.all(legs.map(readReadyMark));
  await control.take('circuit.joined');
  return legs;
}

it('greets, with a probe port that accepts and closes', async () => {
  const hello = await start();
  expect(hello).toMatchObject({ version, address: '127.0.0.1', capacity: 49, datapath: 'userspace', circuits: [] });
  expect(await closing(dial(hello.probePort))).toBe('end');
});

it('opens a circuit, joins its legs, reports its bytes and its end', async () => {
  await start();
  const [a, b] = await openCircuit();
  a.write('hello');
  expect((await once(b, 'data'))[0].toString()).toBe('hello');
  control.send({ type: 'report' });
  expect((await control.take('counters')).circuits).toEqual([{ circuitId, datapath: 'userspace', bytes: [5, 0] }]);
  a.end();
  await once(b, 'end');
  b.end('bye');
  expect((await readAll(a)).toString()).toBe('bye');
  expect(await control.take('circuit.ended')).toEqual({
    type: 'circuit.ended',
    counters: { circuitId, datapath: 'userspace', bytes: [5, 3] },
    code: 'circuit_closed',
  });
});

it('ends a joined circuit on command', async () => {
  await start();
  const [a, b] = await openCircuit();
  control.send({ type: 'circuit.close', circuitId });
  expect(await Promise.all([closing(a), closing(b)])).toEqual(['end', 'end']);
  expect((await control.take('circuit.ended')).code).toBe('circuit_closed');
});

it('answers what it cannot open with a code', async () => {
  await start();
  control.send({ type: 'circuit.open', id: 2, circuitId, transport: 'tcp', tokens: encoded });
  await control.take('circuit.opened');
  control.send({ type: 'circuit.open', id: 3, circuitId, transport: 'tcp', tokens: encoded });
  expect(await control.take('error')).toMatchObject({ id: 3, code: 'already_exists' });
});

it('keeps circuits through a control outage and tells of those that ended meanwhile', async () => {
  await start();
  const [a, b] = await openCircuit();
  await control.stop();
  a.write('still here');
  expect((await once(b, 'data'))[0].toString()).toBe('still here');
  await control.start();
  expect((await control.take('hello')).circuits).toEqual([circuitId]);

  await control.stop();
  a.destroy();
  await closing(b);
  await control.start();
  expect((await control.take('hello')).circuits).toEqual([]);
  expect((await control.take('circuit.ended')).counters).toMatchObject({ circuitId, bytes: [10, 0] });
});

it('refuses a control server that a revocation list names, after a restart too', async () => {
  await start();
  const revoked = [{ serial: control.serial, revokedAt: new Date() }];
  const der = await control.authority.crl({ revoked, number: 1, now: new Date() });
  control.send({ type: 'crl', der: Buffer.from(der).toString('base64') });
  // The report comes after the list in the same session, so the list has been read by then.
  control.send({ type: 'report' });
  await control.take('counters');
  await relay?.drain(0);
  const lines: string[] = [];
  const log = createLogger('relay', 'silent');
  log.warn = ((fields: { code?: string }) => lines.push(fields.code ?? '')) as never;
  relay = await startRelay({
    data,
    address: 'x',
    ports: range(),
    listenAddress: '127.0.0.1',
    datapath,
    version,
    log,
  });
  await waitFor(() => lines.length > 0);
  expect(lines[0]).toBe('cert_revoked');
});

it('runs as a process: says when it is online, refuses new circuits while it drains, exits 0', async () => {
  const { first, last } = range();
  const bin = fileURLToPath(new URL('../bin/netport-relay.mjs', import.meta.url));
  const options = ['--data', data, '--ports', `${first}-${last}`, '--listen-address', '127.0.0.1', '--grace', '30s'];
  const child = spawn(process.execPath, [bin, 'run', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  createInterface(child.stderr).on('line', (line) => lines.push(line));
  await waitFor(() => lines.some((line) => JSON.parse(line).msg === 'online'));
  const [a, b] = await openCircuit();
  child.kill('SIGTERM');
  await waitFor(() => lines.some((line) => JSON.parse(line).msg === 'draining'));
  control.send({ type: 'circuit.open', id: 8, circuitId, transport: 'tcp', tokens: encoded });
  expect(await control.take('error')).toMatchObject({ id: 8, code: 'draining' });
  a.end();
  b.end();
  a.resume();
  b.resume();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('is drained by a command: it says so, takes no new circuit, keeps what runs, and ends at once when it is empty', async () => {
  const { first, last } = range();
  const bin = fileURLToPath(new URL('../bin/netport-relay.mjs', import.meta.url));
  const options = ['--data', data, '--ports', `${first}-${last}`, '--listen-address', '127.0.0.1', '--grace', '1h'];
  const child = spawn(process.execPath, [bin, 'run', ...options], { stdio: ['ignore', 'ignore', 'pipe'] });
  const online = createInterface(child.stderr);
  for await (const line of online) if (JSON.parse(line).msg === 'online') break;
  const [a, b] = await openCircuit();
  const drain = async (wait: string) => {
    const command = spawn(process.execPath, [bin, 'drain', '--data', data, '--wait', wait], { stdio: 'ignore' });
    return (await once(command, 'exit'))[0];
  };
  expect(await drain('0s')).toBe(1);
  expect(await control.take('draining')).toEqual({ type: 'draining' });
  control.send({ type: 'circuit.open', id: 8, circuitId, transport: 'tcp', tokens: encoded });
  expect(await control.take('error')).toMatchObject({ id: 8, code: 'draining' });
  a.write('still here');
  expect((await once(b, 'data'))[0].toString()).toBe('still here');
  // A control server that was away hears of it, too.
  await control.stop();
  await control.start();
  expect(await control.take('draining')).toEqual({ type: 'draining' });
  for (const socket of [a, b]) socket.resume().end();
  expect(await drain('1m')).toBe(0);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('wastes no token and touches no data directory of another kind', async () => {
  await rm(data, { recursive: true });
  await mkdir(data);
  await expect(start()).rejects.toMatchObject({ code: 'cert_missing' });
  const portal = encodeJoinToken({
    url: 'https://127.0.0.1:1',
    ca: '0'.repeat(64),
    kind: 'portal',
    name: nameSchema.parse('two'),
    id: circuitId,
    secret: encoded[0],
  });
  await expect(start(portal)).rejects.toMatchObject({ code: 'token_invalid' });
  await control.enrolInto(data, 'two', 'portal');
  await expect(start()).rejects.toMatchObject({ code: 'cert_wrong_name' });
});
