// How bytes get from left to right: each way says what both ends have to do, and is switched on and off between runs.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BarePortals, Overlay, waitFor } from '@netport/test';
import { splicing } from '../peers/haproxy.mjs';
import { addresses } from './networks.mjs';
import { runIn } from './programs.mjs';

const port = 5201;

/** What both ends do where nothing has to be bound. */
const direct = (host) => ({
  sender: { host, port, hello: '-' },
  receiver: { host: addresses.right, port, hello: '-', listens: true },
  close: async () => {},
});

export const forwarding = () => ({
  start: async () => {},
  stop: async () => {},
  open: async () => direct(addresses.right),
  end: async () => {},
});

/** haproxy as a TCP proxy that splices. */
export function haproxy(networks, directory) {
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, splicing(`${addresses.relay}:${port}`, `${addresses.right}:${port}`));
  let running;
  return {
    start: async () => {
      running = runIn(networks.relay, 'haproxy', ['-db', '-f', file], { quiet: true });
      // It says nothing when it is ready.
      await waitFor('haproxy to listen', () => listens(networks.relay));
    },
    stop: () => running.stop(),
    open: async () => direct(addresses.relay),
    end: async () => {},
  };
}

async function listens(namespace) {
  const probe = runIn(namespace, 'sh', ['-c', `ss -Hltn sport = :${port} | grep -q . && echo '{"msg":"yes"}'`]);
  return probe.heard('yes').then(
    () => true,
    () => false,
  );
}

/** Our relay, with a control server and two portals' identities. */
export async function netport(networks, relayArgs) {
  const { relay } = networks;
  const overlay = await Overlay.start({
    portals: [],
    network: { hub: relay, address: addresses.relay, portals: {} },
    relayArgs: ['--listen-address', addresses.relay, ...relayArgs],
  });
  const portals = await BarePortals.add(overlay, ['left', 'right']);
  const [{ datapath, datapathReason: reason }] = await overlay.cli(['relay', 'ls']);
  await overlay.relay('relay-1').process.stop('SIGTERM');
  return {
    datapath,
    reason,
    start: () => overlay.relay('relay-1').start(),
    stop: () => overlay.relay('relay-1').process.stop('SIGTERM'),
    open: async (transport) => {
      const { legs, leave } = await portals.circuit(transport, relay);
      return { sender: legs[0], receiver: legs[1], close: leave };
    },
    circuits: () => overlay.cli(['ls', 'circuits']),
    end: () => overlay.stop(),
  };
}
