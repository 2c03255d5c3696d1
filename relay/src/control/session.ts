import {
  asNetportError,
  decodeMessage,
  fromBase64Url,
  type LegCounters,
  limits,
  type RelayCommand,
  type RelayMessage,
  relayCommandSchema,
} from '@netport/protocol';
import {
  type ControlSession,
  type KeptIdentity,
  type Logger,
  openControlSession,
  type RevocationStore,
  trustOf,
} from '@netport/runtime';
import type { CircuitReport, RelayEvent } from '../core/events.js';

type Hello = Extract<RelayMessage, { type: 'hello' }>;

export interface RelaySessionOptions {
  identity: KeptIdentity;
  revocations: RevocationStore;
  /** What `hello` says of this relay, without the circuits that run. */
  self: Omit<Hello, 'type' | 'circuits'>;
  onEvent: (event: RelayEvent) => void;
  /** Of every joined circuit. */
  counters: () => LegCounters[];
  log: Logger;
}

export interface RelaySession {
  /** Says whom this relay trusts, and which root its certificate is of. */
  reportTrust(): void;
  readonly up: boolean;
  readonly since: Date;
  readonly starts: number;
  /** Tells the control server; the end of a circuit is kept until it can be told. */
  report(report: CircuitReport, counters: LegCounters): void;
  /** Tells the control server, now and whenever it is back, that this relay is going to stop. */
  drain(): void;
  close(): Promise<void>;
}

/** The relay's control session: its commands become events of the core, the core's reports become messages. */
export function openRelaySession(options: RelaySessionOptions): RelaySession {
  const { identity, revocations, self, onEvent, counters, log } = options;
  const unsent: RelayMessage[] = [];
  let session: ControlSession<RelayCommand, RelayMessage> | undefined;
  let draining = false;

  const sendCounters = () => session?.send({ type: 'counters', circuits: counters() });
  const tell = (message: RelayMessage) => {
    if (session?.send(message) || message.type !== 'circuit.ended') return;
    unsent.push(message);
    if (unsent.length > limits.circuitsPerRelay) {
      unsent.shift();
      log.warn('the oldest report of an ended circuit was dropped: the control server is away for too long');
    }
  };

  /** Trust comes before what is checked by it. */
  let accepting = Promise.resolve();
  const inOrder = (what: string, accept: () => Promise<void>): void => {
    accepting = accepting.then(accept).catch((thrown) => {
      const error = asNetportError(thrown);
      log.warn({ code: error.code }, `${what} refused: ${error.message}`);
    });
  };

  const onMessage = (message: RelayCommand): void => {
    switch (message.type) {
      case 'welcome':
        return;
      case 'trust':
        inOrder('root CAs', () => identity.accept(message).finally(() => session?.send(identity.trusts())));
        return;
      case 'crl':
        inOrder('revocation list', async () =>
          revocations.accept(Buffer.from(message.der, 'base64'), identity.current),
        );
        return;
      case 'circuit.open': {
        const { id: request, circuitId, transport, tokens } = message;
        onEvent({
          type: 'open',
          request,
          circuitId,
          transport,
          tokens: [fromBase64Url(tokens[0]), fromBase64Url(tokens[1])],
        });
        return;
      }
      case 'circuit.close':
        onEvent({ type: 'close', circuitId: message.circuitId });
        return;
      case 'report':
        sendCounters();
        return;
      case 'error':
        log.warn({ code: message.code }, `the control server refused a message: ${message.message}`);
    }
  };

  session = openControlSession<RelayCommand, RelayMessage>({
    identity: () => identity.current,
    trust: () => trustOf(identity.current, revocations.current),
    hello: () => ({ type: 'hello', ...self, circuits: counters().map(({ circuitId }) => circuitId) }),
    decode: (text) => decodeMessage(relayCommandSchema, text),
    onMessage,
    onUp: () => {
      if (draining) tell({ type: 'draining' });
      for (const message of unsent.splice(0)) tell(message);
    },
    onDown: (reason) => identity.sessionDown(reason),
    log,
  });
  const opened = session;
  const interval = setInterval(() => {
    if (opened.up && counters().length > 0) sendCounters();
  }, limits.circuitReportInterval);

  return {
    get up() {
      return opened.up;
    },
    get since() {
      return opened.since;
    },
    get starts() {
      return opened.starts;
    },
    reportTrust: () => void opened.send(identity.trusts()),
    report: (report, legCounters) => tell(toMessage(report, legCounters)),
    drain: () => {
      draining = true;
      tell({ type: 'draining' });
    },
    close: async () => {
      clearInterval(interval);
      await opened.close();
      // What came before that is accepted, or refused.
      await accepting;
      await revocations.settled();
    },
  };
}

function toMessage(report: CircuitReport, counters: LegCounters): RelayMessage {
  switch (report.type) {
    case 'opened':
      return { type: 'circuit.opened', id: report.request, circuitId: report.circuitId, ports: report.ports };
    case 'refused':
      return { type: 'error', id: report.request, code: report.code, message: report.message };
    case 'joined':
      return { type: 'circuit.joined', circuitId: report.circuitId };
    case 'ended':
      return { type: 'circuit.ended', counters, code: report.code };
  }
}
