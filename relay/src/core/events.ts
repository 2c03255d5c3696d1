import type { CircuitId, ErrorCode, Transport } from '@netport/protocol';
import type { Endpoint } from '../datapath/datapath.js';
import type { Rejection } from './rejections.js';

/** Names one accepted connection between core and io; never used twice. */
export type ConnectionId = number;

/** What happened. The core is given each with the instant at which it happened. */
export type RelayEvent =
  // from the control server
  | {
      type: 'open';
      request: number;
      circuitId: CircuitId;
      transport: Transport;
      tokens: readonly [Uint8Array, Uint8Array];
    }
  | { type: 'close'; circuitId: CircuitId }
  // from the sockets
  | { type: 'listening'; port: number }
  | { type: 'listen_failed'; port: number; code: ErrorCode }
  | { type: 'connected'; connection: ConnectionId; port: number }
  | { type: 'received'; connection: ConnectionId; bytes: Uint8Array }
  | { type: 'disconnected'; connection: ConnectionId }
  // a datagram that is a bind, or pretends to be one
  | { type: 'datagram'; port: number; from: Endpoint; bytes: Uint8Array }
  // from the datapath: a circuit that it carries from before this process; both legs of a joined circuit are closed;
  // what it has forwarded so far from each leg of the circuits that it counts packets of
  | { type: 'adopt'; circuitId: CircuitId; transport: Transport; ports: readonly [number, number] }
  | { type: 'parted'; circuitId: CircuitId; code: ErrorCode }
  | { type: 'forwarded'; circuits: { circuitId: CircuitId; packets: [number, number] }[] }
  // from the process
  | { type: 'tick' }
  | { type: 'drain' }
  | { type: 'stop' };

/** What the control server has to hear of a circuit. `opened` and `refused` answer the `open` with the same `request`. */
export type CircuitReport =
  | { type: 'opened'; request: number; circuitId: CircuitId; ports: [number, number] }
  | { type: 'refused'; request: number; circuitId: CircuitId; code: ErrorCode; message: string }
  | { type: 'joined'; circuitId: CircuitId }
  | { type: 'ended'; circuitId: CircuitId; code: ErrorCode };

/** What io has to do, in this order. */
export type RelayCommand =
  | { type: 'listen'; port: number; circuitId: CircuitId; transport: Transport }
  | { type: 'unlisten'; port: number }
  | { type: 'drop'; connection: ConnectionId; rejection?: Rejection }
  | { type: 'join'; circuitId: CircuitId; ports: [number, number]; connections: [ConnectionId, ConnectionId] }
  | { type: 'answer'; port: number; to: Endpoint; bytes: Uint8Array }
  | { type: 'join_datagrams'; circuitId: CircuitId; ports: [number, number]; peers: [Endpoint, Endpoint] }
  | { type: 'move'; circuitId: CircuitId; leg: 0 | 1; peer: Endpoint }
  | { type: 'part'; circuitId: CircuitId }
  | { type: 'tell'; report: CircuitReport };
