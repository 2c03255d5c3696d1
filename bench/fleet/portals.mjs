// Many portals in one process, as `fork` starts it: each with its identity, its control session, its policy checked and kept on disk, and
// its listeners open. What of it comes into force is told to the parent.
import { join } from 'node:path';
import { Portal } from '@netport/portal';
import { createLogger } from '@netport/runtime';

const log = createLogger('portal', 'error');
const portals = [];

process.on('message', ({ directory, tokens }) => void start(directory, tokens));
process.on('disconnect', () => process.exit(0));

async function start(directory, tokens) {
  for (const { name, token } of tokens) {
    const portal = new Portal({ data: join(directory, name), joinToken: token, transport: 'tcp', log });
    portals.push(portal);
    portal.on('policy', ({ issuedAt, listeners }) => {
      const failed = portal.status().listeners.filter(({ state }) => state === 'failed').length;
      const issued = Date.parse(issuedAt);
      process.send({ type: 'policy', name, listeners: listeners.length, failed, issued, at: Date.now() });
    });
    const online = new Promise((resolve) => portal.once('online', resolve));
    await portal.start();
    await online;
  }
  process.send({ type: 'online' });
}
