import type { PeerIdentity } from '@netport/pki';
import {
  decodeMessage,
  type PairId,
  type PortalCommand,
  type PortalMessage,
  portalMessageSchema,
} from '@netport/protocol';
import type { WebSocket } from 'ws';
import { memberSeen, memberTrusts, portalReported } from '../state/sessions.js';
import { enter, leave, type OnlinePortal, onlinePortal } from './roster.js';
import { Session } from './session.js';
import type { SignallingParts } from './signalling.js';

type Event = Extract<PortalMessage, { type: 'event' }>;
type Listeners = Extract<PortalMessage, { type: 'listeners' }>;

/** Attends to one portal from its `hello` to its end. */
export function acceptPortal(
  parts: SignallingParts,
  socket: WebSocket,
  { id, name }: PeerIdentity,
  origin: string,
): Session<PortalMessage, PortalCommand> {
  const { context, roster, fanOut } = parts;
  const log = parts.log.child({ portal: name });
  let portal: OnlinePortal | undefined;
  const seen = (version: string): void => {
    memberSeen(context, { kind: 'portal', name, address: origin, version }).catch((error) =>
      log.error({ err: error }, 'last contact not kept'),
    );
  };
  const session = new Session<PortalMessage, PortalCommand>({
    socket,
    decode: (text) => decodeMessage(portalMessageSchema, text),
    log,
    onHello: (hello) => {
      portal = onlinePortal({ id, name, origin, session, hello }, context.now());
      enter(roster.portals, portal);
      seen(hello.version);
      fanOut.greetPortal(portal);
      log.info({ origin, version: hello.version }, 'portal online');
    },
    onMessage: (message) => {
      if (portal) onMessage(parts, portal, message);
    },
    onEnd: () => {
      if (portal) release(portal);
      if (!portal || !leave(roster.portals, portal)) return;
      seen(portal.hello.version);
      log.info('portal offline');
    },
  });
  return session;
}

function onMessage(parts: SignallingParts, portal: OnlinePortal, message: PortalMessage): void {
  switch (message.type) {
    case 'circuit.request':
      void parts.allocation.answer(portal, message);
      break;
    case 'circuit.close':
      parts.circuits.abandon(portal.name, message.circuitId);
      break;
    case 'listeners':
      onListeners(parts, portal, message);
      break;
    case 'relay.rtt':
      portal.roundTrips = Object.fromEntries(
        // Only relays that are there: a portal cannot make this server remember what it likes.
        [...parts.roster.relays.values()].flatMap(({ name }) => {
          const measured = message.rttMs[name];
          return measured === undefined ? [] : [[name, measured]];
        }),
      );
      break;
    case 'streams':
      void parts.streams.take(portal.name, { name: portal.id, origin: portal.origin }, message, () =>
        portal.session.send({ type: 'streams.kept', batch: message.batch }),
      );
      break;
    case 'event':
      onEvent(parts, portal, message);
      break;
    case 'trusts':
      memberTrusts(parts.context, { kind: 'portal', name: portal.name }, message).catch((error) =>
        parts.log.error({ err: error }, 'whom it trusts was not kept'),
      );
      break;
    case 'error':
      parts.log.warn({ portal: portal.name, code: message.code }, `portal reports: ${message.message}`);
  }
}

/** Nothing is awaited any more of a portal that has gone. */
function release(portal: OnlinePortal): void {
  portal.sentVersion = 0;
  for (const look of portal.policyWaiters) look();
}

function onListeners(parts: SignallingParts, portal: OnlinePortal, { version, failed }: Listeners): void {
  const { pairs, onPolicyPushed } = parts;
  // A change has every portal report, and hardly any of them a failure.
  const known = failed.length === 0 ? [] : pairs();
  const own = new Set<PairId>(known.flatMap(({ id, from }) => (from.portal === portal.name ? [id] : [])));
  portal.policyVersion = version;
  if (portal.changedAt !== undefined && version >= portal.sentVersion) {
    onPolicyPushed((performance.now() - portal.changedAt) / 1000);
    portal.changedAt = undefined;
  }
  portal.failedListeners = new Map(
    failed.filter(({ pair }) => own.has(pair)).map(({ pair, code, message }) => [pair, { code, message }]),
  );
  for (const look of portal.policyWaiters) look();
}

function onEvent({ context, streams, log }: SignallingParts, portal: OnlinePortal, event: Event): void {
  if (!portal.auditEvents.take(context.now().getTime())) {
    portal.droppedEvents += 1;
    return;
  }
  const dropped = portal.droppedEvents;
  portal.droppedEvents = 0;
  const pair = event.pair && streams.nameOf(event.pair);
  portalReported(context, { name: portal.id, origin: portal.origin }, event, { pair, dropped }).catch((error) =>
    log.error({ err: error }, 'audit event not written'),
  );
}
