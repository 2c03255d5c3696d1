// node scripts/screenshots.mjs: the admin page's pictures in docs/images, of a real overlay with real traffic. Needs Chromium.
import { randomBytes } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { prepare, root } from './prepare.mjs';
import { keepFetching } from './steady-traffic.mjs';

prepare();
const { Overlay, freePort, startProcess, waitFor } = await import('../test/dist/harness/index.js');

const chromiumPath = '/usr/bin/chromium';
const images = join(root, 'docs', 'images');
const largest = 200 * 1024;
const loopback = '127.0.0.1';
/** The plot is worth a look when it has this many seconds in it. */
const plotted = 75;

const relays = ['relay-ams', 'relay-fra'];
const portals = ['berlin-gw', 'ci-runner', 'field-gw', 'lab-bench', 'laptop', 'office', 'oslo-gw'];
const pairs = [
  { name: 'web', from: 'laptop', to: 'field-gw', rate: 3_200_000, reason: 'The dashboard of the field station' },
  { name: 'camera', from: 'office', to: 'berlin-gw', rate: 1_100_000, reason: 'Warehouse camera 4' },
  { name: 'logs', from: 'laptop', to: 'oslo-gw', rate: 620_000, reason: 'Reading logs while on call' },
  { name: 'artifacts', from: 'ci-runner', to: 'lab-bench', rate: 240_000, reason: 'Nightly builds onto the bench' },
  { name: 'plc', from: 'office', to: 'oslo-gw', rate: 18_000, reason: 'Telemetry of the pumps' },
];

const shots = [
  { file: 'overview-light', place: 'overview', scheme: 'light' },
  { file: 'overview-dark', place: 'overview', scheme: 'dark' },
  { file: 'pairs', place: 'pairs', scheme: 'light' },
  { file: 'explain', place: 'explain?portal=laptop&port=2222', scheme: 'light', press: 'Try it' },
  { file: 'phone', place: 'overview', scheme: 'light', viewport: { width: 390, height: 844 } },
];
const desk = { width: 1280, height: 920 };

let overlay;
let target;
let browser;
try {
  overlay = await Overlay.start({ relays, portals });
  target = await startTarget();
  await carry(target);
  await browse();
} finally {
  await browser?.close();
  await target?.process.stop();
  await overlay?.stop();
}
process.exit(0);

async function startTarget() {
  const file = join(overlay.directory, 'file.bin');
  writeFileSync(file, randomBytes(32 << 20));
  const process = startProcess({ name: 'target', script: join(root, 'scripts/demo-target.mjs'), args: [file] });
  const { port } = await process.waitForLog('listening');
  return { process, port };
}

/** Grants the pairs and keeps them busy. */
async function carry({ port: targetPort }) {
  for (const { name, from, to, rate, reason } of pairs) {
    const port = await freePort();
    const ends = [`${from}:${loopback}:${port}`, `${to}:${loopback}:${targetPort}`];
    await overlay.addPair(name, ...ends, ['--reason', reason]);
    void keepFetching(`http://${loopback}:${port}/`, rate);
  }
  // Nothing answers there: something to explain.
  const silent = ['--from', `laptop:${loopback}:2222`, '--to', 'berlin-gw:127.0.0.1:22', '--expires', '8h'];
  await overlay.admin(['pair', 'add', 'maintenance', ...silent, '--reason', 'Maintenance window']);
  await overlay.admin(['portal', 'add', 'spare-gw']);
}

async function browse() {
  mkdirSync(images, { recursive: true });
  browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-gpu'] });
  const pages = await Promise.all(shots.map(open));
  await new Promise((resolve) => setTimeout(resolve, plotted * 1000));
  for (const [index, { file }] of shots.entries()) {
    const path = join(images, `${file}.png`);
    await pages[index].screenshot({ path });
    const { size } = statSync(path);
    console.log(`${path}  ${Math.round(size / 1024)} KiB`);
    if (size > largest) throw new Error(`${file}.png is larger than ${largest / 1024} KiB`);
  }
}

async function open({ place, scheme, press, viewport = desk }) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport, colorScheme: scheme });
  const page = await context.newPage();
  await page.goto(`${overlay.url}/#/${place}`);
  await page.getByLabel('Admin token').fill(await overlay.adminToken());
  await page.getByRole('button', { name: 'Sign in' }).click();
  await waitFor('the page', () => page.locator('.card').first().isVisible(), 60_000);
  if (press) await page.getByRole('button', { name: press }).click();
  return page;
}
