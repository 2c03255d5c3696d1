import type { ErrorCode } from '@netport/protocol';
import type { CircuitRecord } from '../store/store.js';
import { audit } from './audit.js';
import { type Actor, controlId, type StateContext } from './context.js';

/** Keeps a circuit that a relay has opened for `actor`, the portal that asked. */
export const circuitOpened = (context: StateContext, actor: Actor, circuit: CircuitRecord): Promise<void> =>
  context.store.transaction(async (records) => {
    await records.circuits.add(circuit);
    await audit(context, records, actor, {
      action: 'circuit.open',
      subject: circuit.id,
      detail: describe(circuit),
    });
  });

/** Both legs are bound. */
export const circuitJoined = (context: StateContext, circuit: CircuitRecord): Promise<void> =>
  context.store.records.circuits.joined(circuit.id);

/** Keeps the final byte counts of a circuit, and why it ended. */
export const circuitEnded = (context: StateContext, circuit: CircuitRecord, code: ErrorCode): Promise<void> =>
  context.store.transaction(async (records) => {
    await records.circuits.end(circuit, context.now(), code);
    const actor = { name: controlId(context.trustDomain), origin: null };
    const detail = { ...describe(circuit), bytesSent: circuit.sent, bytesReceived: circuit.received };
    await audit(context, records, actor, { action: 'circuit.end', subject: circuit.id, code, detail });
  });

/** The circuits that had not ended when the server last stopped. */
export const unendedCircuits = (context: StateContext): Promise<CircuitRecord[]> =>
  context.store.records.circuits.list();

const describe = ({ from, to, transport, relay, ports }: CircuitRecord): Record<string, unknown> => ({
  from,
  to,
  transport,
  relay,
  ports,
});
