import type { CircuitId, ErrorCode, Transport } from '@netport/protocol';
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
  // from the datapath: both legs of a joined circuit are closed
  | { type: 'parted'; circuitId: CircuitId; code: ErrorCode }
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
  | { type: 'part'; circuitId: CircuitId }
  | { type: 'tell'; report: CircuitReport };
