// Two portals without a data plane: asks for one circuit between them, logs both legs and what binds them, and holds
// both sessions until it is ended. usage: bare-portals.js TRANSPORT DATA-DIRECTORY DATA-DIRECTORY [JOIN-TOKEN JOIN-TOKEN]
import { createHmac } from 'node:crypto';
import {
  decodeMessage,
  encodeBindBody,
  encodePreamble,
  fromBase64Url,
  type LegOffer,
  type PortalCommand,
  type PortalMessage,
  portalCommandSchema,
  type SpiffeId,
  transportSchema,
  withMac,
} from '@netport/protocol';
import { createLogger, enrol, loadIdentity, openControlSession, openDataDirectory, trustOf } from '@netport/runtime';
import { deferred } from './wait.js';

const [transportName, directory1 = '', directory2 = '', token1, token2] = process.argv.slice(2);
const transport = transportSchema.parse(transportName);
const log = createLogger('bare-portals', 'warn');

const [first, second] = [await openPortal(directory1, token1), await openPortal(directory2, token2)];
await Promise.all([first.up, second.up]);
const asked = await first.ask(second.id);
const legs = [asked, await second.offered].map((leg) => ({ ...leg, hello: hello(leg) }));
console.error(JSON.stringify({ msg: 'legs', legs }));

/** What binds a leg, in hex: the preamble, or binds one after the other, their counters from 1 on. */
function hello({ circuitId, token: text }: LegOffer): string {
  const token = fromBase64Url(text);
  if (transport === 'tcp') return Buffer.from(encodePreamble({ circuitId, token })).toString('hex');
  const binds = Array.from({ length: 50 }, (_, i) => {
    const body = encodeBindBody({ kind: 'bind', circuitId, counter: BigInt(i + 1) });
    return withMac(body, createHmac('sha256', token).update(body).digest());
  });
  return Buffer.concat(binds).toString('hex');
}

async function openPortal(path: string, token: string | undefined) {
  const directory = await openDataDirectory(path);
  const identity = token ? await enrol({ token, directory, log }) : await loadIdentity(directory);
  if (!identity) throw new Error(`${path} holds no portal's identity`);
  const up = deferred<void>();
  const offered = deferred<LegOffer>();
  const session = openControlSession<PortalCommand, PortalMessage>({
    identity: () => identity,
    trust: () => trustOf(identity, undefined),
    hello: () => ({ type: 'hello', version: 'bare', policyVersion: 0 }),
    decode: (text) => decodeMessage<PortalCommand>(portalCommandSchema, text),
    onMessage: (message) => {
      if (message.type === 'circuit.offer') offered.resolve(message.leg);
      if (message.type === 'inspect') session.send({ type: 'inspection', id: message.id, tunnels: [], streams: [] });
    },
    onUp: up.resolve,
    log,
  });
  return {
    id: identity.id as SpiffeId,
    up: up.promise,
    offered: offered.promise,
    ask: async (peer: SpiffeId): Promise<LegOffer> => {
      type Offer = Extract<PortalCommand, { type: 'circuit.offer' }>;
      const { leg } = await session.request<Offer>({ type: 'circuit.request', peer, transport, avoid: [] });
      return leg;
    },
  };
}
