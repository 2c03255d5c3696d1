import { connect } from 'node:net';
import { limits, type Name } from '@netport/protocol';

export interface RelayProbe {
  relay: Name;
  host: string;
  port: number;
}

/** Probes at once: a portal does not know how many relays there are. */
const parallel = 16;

/** The round trip to each relay in milliseconds: how long a TCP connect takes. A relay that does not answer is left out. */
export async function probeRelays(relays: readonly RelayProbe[]): Promise<Record<Name, number>> {
  const found: Record<Name, number> = {};
  const left = [...relays];
  const work = async (): Promise<void> => {
    for (let probe = left.pop(); probe; probe = left.pop()) {
      const rtt = await connectTime(probe);
      if (rtt !== undefined) found[probe.relay] = rtt;
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return found;
}

function connectTime({ host, port }: RelayProbe): Promise<number | undefined> {
  return new Promise((resolve) => {
    const start = performance.now();
    const socket = connect({ host, port });
    const finish = (rtt?: number): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(rtt);
    };
    const timer = setTimeout(finish, limits.relayProbeTimeout);
    socket.once('connect', () => finish(performance.now() - start)).once('error', () => finish());
  });
}
