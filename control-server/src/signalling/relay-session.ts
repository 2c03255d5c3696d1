import type { PeerIdentity } from '@netport/pki';
import { decodeMessage, type RelayCommand, type RelayMessage, relayMessageSchema } from '@netport/protocol';
import type { WebSocket } from 'ws';
import { memberSeen, memberTrusts } from '../state/sessions.js';
import { enter, leave, type OnlineRelay, onlineRelay } from './roster.js';
import { Session } from './session.js';
import type { SignallingParts } from './signalling.js';

/** Attends to one relay from its `hello` to its end. */
export function acceptRelay(
  parts: SignallingParts,
  socket: WebSocket,
  { id, name }: PeerIdentity,
  origin: string,
): Session<RelayMessage, RelayCommand> {
  const { context, roster, fanOut, circuits } = parts;
  const log = parts.log.child({ relay: name });
  let relay: OnlineRelay | undefined;
  const seen = (address: string, version: string): void => {
    memberSeen(context, { kind: 'relay', name, address, version }).catch((error) =>
      log.error({ err: error }, 'last contact not kept'),
    );
  };
  const session = new Session<RelayMessage, RelayCommand>({
    socket,
    decode: (text) => decodeMessage(relayMessageSchema, text),
    log,
    onHello: ({ circuits: running, ...hello }) => {
      relay = onlineRelay({ id, name, origin, session, hello });
      enter(roster.relays, relay);
      seen(hello.address, hello.version);
      fanOut.greetRelay(relay);
      circuits.reconcile(relay, running);
      fanOut.relaysChanged();
      log.info({ origin, address: hello.address, circuits: running.length }, 'relay online');
    },
    onMessage: (message) => {
      if (relay) onMessage(parts, relay, message);
    },
    onEnd: () => {
      if (!relay || !leave(roster.relays, relay)) return;
      seen(relay.hello.address, relay.hello.version);
      fanOut.relaysChanged();
      log.info('relay offline');
    },
  });
  return session;
}

function onMessage({ context, circuits, log }: SignallingParts, relay: OnlineRelay, message: RelayMessage): void {
  switch (message.type) {
    case 'circuit.joined':
      circuits.joined(relay, message.circuitId);
      break;
    case 'draining':
      circuits.leave(relay);
      log.info({ relay: relay.name }, 'relay is draining');
      break;
    case 'circuit.ended':
      circuits.ended(relay, message);
      break;
    case 'counters':
      circuits.counters(relay, message);
      for (const done of relay.reportWaiters) done();
      break;
    case 'trusts':
      memberTrusts(context, { kind: 'relay', name: relay.name }, message).catch((error) =>
        log.error({ err: error }, 'whom it trusts was not kept'),
      );
      break;
    case 'error':
      log.warn({ relay: relay.name, code: message.code }, `relay reports: ${message.message}`);
  }
}
