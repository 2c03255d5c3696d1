// npm run demo: control server, relay, two portals and a target as processes of their own; one access pair; one file through it.
// Stays up until Ctrl-C, with some traffic to look at; with --once it ends after the transfer.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { prepare, root } from './prepare.mjs';
import { keepFetching } from './steady-traffic.mjs';

const options = process.argv.slice(2);
const unknown = options.find((option) => option !== '--once');
if (unknown !== undefined) {
  const help = unknown === '--help' || unknown === '-h';
  console.error(
    `${help ? '' : `unknown option ${unknown}\n`}usage: npm run demo [-- --once]   (--once: end after the transfer)`,
  );
  process.exit(help ? 0 : 2);
}

prepare();
const { Overlay, freePort, startProcess } = await import('../test/dist/harness/index.js');

const size = 256 * 1024 * 1024;
/** What flows after the transfer, so that there is something to see: bytes per second. */
const steadyRate = 1_500_000;
let overlay;
let target;
let stopping = false;

async function stop(code) {
  if (stopping) return;
  stopping = true;
  await target?.stop();
  await overlay?.shutDown();
  process.exit(code);
}
process.on('SIGINT', () => {
  console.log('\nstopping …');
  void stop(0);
});
process.on('SIGTERM', () => void stop(0));

const done = (what, detail) => console.log(`  ✔ ${what.padEnd(15)} ${detail}`);

try {
  console.log('\nNetport: one access pair, end to end\n');
  overlay = await Overlay.start({ relays: [], portals: [] });
  done('control server', `${overlay.url}   its own CA, SQLite`);
  await overlay.addRelay('relay-1');
  done('relay', 'relay-1   joins two legs, holds no key');
  await overlay.addPortal('laptop');
  await overlay.addPortal('field-gw');
  done('portals', 'laptop, field-gw   enrolled by join token, identities X.509');

  const file = join(overlay.directory, 'file.bin');
  const expected = await writeFile(file);
  target = startProcess({ name: 'target', script: join(root, 'scripts/demo-target.mjs'), args: [file] });
  const { port: targetPort } = await target.waitForLog('listening');
  done('target', `http://127.0.0.1:${targetPort}   a plain HTTP server behind field-gw`);

  const port = await freePort();
  await overlay.addPair('web', `laptop:127.0.0.1:${port}`, `field-gw:127.0.0.1:${targetPort}`);
  done('access pair', `web   laptop 127.0.0.1:${port} → field-gw 127.0.0.1:${targetPort}`);

  const url = `http://127.0.0.1:${port}/`;
  const { sha256, bytes, seconds } = await fetchFile(url);
  if (sha256 !== expected) throw new Error(`the file arrived changed: ${sha256}, expected ${expected}`);
  const rate = ((bytes * 8) / seconds / 1e9).toFixed(2);
  done('fetched', `${bytes / 1024 / 1024} MiB in ${seconds.toFixed(2)} s, ${rate} Gbit/s, SHA-256 equal`);
  done('forwarded by', await forwardedBy());
  console.log('                    app → laptop ═ TLS 1.3, end to end ═ relay-1 ═ field-gw → target\n');

  if (options.includes('--once')) {
    await stop(0);
  } else {
    void keepFetching(url, steadyRate);
    console.log(`Admin page       ${overlay.url}/   its certificate is of its own CA, so a browser asks first`);
    console.log(`Admin token      cat ${overlay.tokenFile}\n`);
    console.log('In another terminal, from the repository:\n');
    console.log(
      `  export NETPORT_URL=${overlay.url} NETPORT_CA=${overlay.rootFile} NETPORT_TOKEN=$(cat ${overlay.tokenFile})`,
    );
    console.log(`  curl -o /dev/null ${url} && npx netport ls tunnels`);
    console.log(`  npx netport pair disable web && curl -m 3 ${url}; npx netport audit\n`);
    console.log('Running until Ctrl-C.');
  }
} catch (error) {
  console.error(`\nthe demo failed: ${error.message}`);
  if (error.cause) console.error(error.cause);
  await stop(1);
}

/** The relay takes the fastest datapath that this machine allows. */
async function forwardedBy() {
  const [circuit] = await overlay.cli(['ls', 'circuits']);
  if (circuit.datapath !== 'userspace') {
    const packets = (circuit.packetsSent + circuit.packetsReceived).toLocaleString('en');
    return `the kernel (${circuit.datapath}): ${packets} packets that the relay's process never saw`;
  }
  const { datapathReason } = await overlay.cli(['relay', 'show', 'relay-1']);
  return `the relay's process; not by the kernel: ${datapathReason}`;
}

/** Writes a file that does not compress, returns its SHA-256. */
async function writeFile(path) {
  const hash = createHash('sha256');
  await pipeline(function* () {
    for (let written = 0; written < size; written += 1 << 20) {
      const block = randomBytes(1 << 20);
      hash.update(block);
      yield block;
    }
  }, createWriteStream(path));
  return hash.digest('hex');
}

async function fetchFile(url) {
  const started = performance.now();
  // A connection of its own, so that none stays open to be wondered at.
  const [response] = await once(get(url, { agent: false }), 'response');
  if (response.statusCode !== 200) throw new Error(`the target answered ${response.statusCode}`);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes, seconds: (performance.now() - started) / 1000 };
}
