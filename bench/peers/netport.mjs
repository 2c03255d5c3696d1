// Netport as users run it: control server, relay and two portals as processes.
import { freePort, Overlay } from '@netport/test';

export async function startNetport(_directory, targetPort, portalArgs = []) {
  const overlay = await Overlay.start({ portalArgs });
  const port = await freePort();
  await overlay.addPair('bench', `a:127.0.0.1:${port}`, `b:127.0.0.1:${targetPort}`);
  await overlay.addPair('bench-udp', `a:127.0.0.1:${port}`, `b:127.0.0.1:${targetPort}`, ['--udp']);
  const processes = [overlay.portal('a'), overlay.portal('b'), overlay.relay('relay-1')];
  return {
    port,
    /** Largest resident set of any process so far, MiB. */
    memory: async () =>
      Object.fromEntries(
        await Promise.all(
          processes.map(async ({ name, process }) => [name, Math.round((await process.memory()).peak / 1024 ** 2)]),
        ),
      ),
    stop: () => overlay.stop(),
  };
}
