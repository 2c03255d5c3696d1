import type { DatagramEnd } from './datagram-end.js';
import type { Pump } from './pump.js';
import type { TunnelFlow } from './tunnel/tunnel.js';

/** Carries datagrams between an application's end and a flow until either is closed, which closes the other. */
export function pumpFlow(application: DatagramEnd, flow: TunnelFlow): Pump {
  flow.onDatagram = (datagram) => application.send(datagram);
  application.onDatagram = (datagram) => flow.send(datagram);
  const cut = (): void => {
    application.close();
    flow.close();
  };
  const done = Promise.all([application.closed.then(cut), flow.closed.then(cut)]).then(() => 'ended' as const);
  return { counters: flow.counters, done, cut };
}
