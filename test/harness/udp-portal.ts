import { parseArgs } from 'node:util';
import { bindUdpLeg, type UdpLeg } from '@netport/portal';
import {
  asNetportError,
  decodeMessage,
  formatSpiffeId,
  type LegOffer,
  NetportError,
  nameSchema,
  type PortalCommand,
  type PortalMessage,
  portalCommandSchema,
} from '@netport/protocol';
import { enrol, loadIdentity, openControlSession, openDataDirectory } from '@netport/runtime';
import pino from 'pino';
import { DatagramReceiver, DatagramSender } from './udp-transfer.js';
import { deferred } from './wait.js';

/**
 * A program with a portal's identity that carries bytes over UDP circuits, and no tunnel:
 *
 *     node test/dist/harness/udp-portal.js receive --data DIR [--join TOKEN]
 *     node test/dist/harness/udp-portal.js send --data DIR [--join TOKEN] --to NAME --bytes N [--slow-after N] [--size 1200] [--seed 1]
 *
 * It says what happens in lines of JSON on standard error: online, joined, progress, roamed, done, failed. `receive` takes
 * any number of circuits until SIGTERM; `send` exits when all has arrived. SIGUSR1 makes it go on from another local port,
 * SIGUSR2 as fast as it can.
 */
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string', default: '' },
    join: { type: 'string' },
    to: { type: 'string' },
    bytes: { type: 'string', default: '0' },
    'slow-after': { type: 'string' },
    size: { type: 'string', default: '1200' },
    seed: { type: 'string', default: '1' },
  },
});
const say = (msg: string, fields: object = {}): void => console.error(JSON.stringify({ msg, ...fields }));

const legs = new Set<UdpLeg>();
process.on('SIGUSR1', () => {
  for (const leg of legs) {
    leg.roam().then(
      () => say('roamed'),
      (error) => say('failed', { code: asNetportError(error).code, error: String(error) }),
    );
  }
});

const log = pino({ level: 'silent' });
const directory = await openDataDirectory(values.data);
const identity =
  (await loadIdentity(directory)) ??
  (values.join === undefined ? undefined : await enrol({ token: values.join, directory, log }));
if (!identity) throw new NetportError('cert_missing', `${values.data} holds no identity, and there is no --join`);

const { trustDomain, rootPem } = identity;

const up = deferred<void>();
const session = openControlSession<PortalCommand, PortalMessage>({
  identity: () => identity,
  trust: () => ({ rootPems: [rootPem] }),
  hello: () => ({ type: 'hello', version: 'test', policyVersion: 0 }),
  decode: (text) => decodeMessage<PortalCommand>(portalCommandSchema, text),
  onMessage: (message) => {
    if (message.type === 'circuit.offer' && message.leg.transport === 'udp') void receive(message.leg).catch(failed);
    if (message.type === 'circuit.closed') say('closed', { circuitId: message.circuitId, code: message.code });
  },
  onUp: () => {
    say('online');
    up.resolve();
  },
  log,
});

async function stop(): Promise<void> {
  for (const leg of legs) leg.close();
  await session.close();
  await directory.close();
  process.exit();
}
process.on('SIGTERM', () => void stop());

function failed(thrown: unknown): void {
  const { code, message } = asNetportError(thrown);
  say('failed', { code, error: message });
  process.exitCode = 1;
}

async function meet(offer: LegOffer, onDatagram: (bytes: Buffer) => void): Promise<UdpLeg> {
  const { circuitId, relay, host, port } = offer;
  say('offered', { circuitId, relay, host, port });
  const leg = await bindUdpLeg(offer, {
    onDatagrams: (datagrams) => {
      // The receiver keeps what comes early.
      for (const bytes of datagrams) onDatagram(Buffer.from(bytes));
    },
  });
  legs.add(leg);
  say('joined', { circuitId });
  return leg;
}

async function receive(offer: LegOffer): Promise<void> {
  let leg: UdpLeg | undefined;
  const receiver = new DatagramReceiver({
    send: (bytes) => leg?.send(bytes),
    onProgress: (bytes) => say('progress', { bytes }),
  });
  leg = await meet(offer, (bytes) => receiver.received(bytes));
  say('done', { circuitId: offer.circuitId, ...(await receiver.done) });
}

async function send(to: string): Promise<void> {
  const peer = formatSpiffeId({ trustDomain, kind: 'portal', name: nameSchema.parse(to) });
  const { leg: offer } = await session.request<Extract<PortalCommand, { type: 'circuit.offer' }>>({
    type: 'circuit.request',
    peer,
    transport: 'udp',
    avoid: [],
  });
  let sender: DatagramSender | undefined;
  const leg = await meet(offer, (bytes) => sender?.received(bytes));
  sender = new DatagramSender({
    send: (bytes) => leg.send(bytes),
    onProgress: (bytes) => say('progress', { bytes }),
    bytes: Number(values.bytes),
    size: Number(values.size),
    seed: Number(values.seed),
    ...(values['slow-after'] !== undefined && { slowAfter: Number(values['slow-after']) }),
  });
  process.on('SIGUSR2', () => sender?.hurry());
  say('done', { circuitId: offer.circuitId, ...(await sender.done) });
}

if (positionals[0] === 'send') {
  await up.promise;
  await send(values.to ?? '').catch(failed);
  await stop();
}
