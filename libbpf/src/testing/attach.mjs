// Runs inside a network namespace that has a veth pair near–far: attaches in every way, and prints what it saw.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { loadObject, u32 } from '../../dist/index.js';

const [file = ''] = process.argv.slice(2);
const object = loadObject(file);
const totals = object.map('totals').perCpu(u32, u32);
const count = (index) => (totals.get(index) ?? []).reduce((sum, one) => sum + one, 0);

const socket = createSocket('udp4').bind(0, '10.9.0.2');
await once(socket, 'listening');

/** Sends packets out of `far`, so into `near`, until the program there has counted one. */
async function counts(index) {
  const before = count(index);
  while (count(index) === before) {
    socket.send('x', 9, '10.9.0.1');
    await setImmediate();
  }
  return true;
}

function refused(action) {
  try {
    action();
  } catch (error) {
    return error.code;
  }
}

async function attached(link, index) {
  const seen = { mode: link.mode, counts: await counts(index) };
  link.close();
  return seen;
}

const pass = object.program('pass');
const watch = object.program('watch');
const report = {};

const first = pass.attachXdp('near');
report.info = { program: first.info().programId === pass.id, attached: first.info().ifindex > 0 };
report.second = refused(() => pass.attachXdp('near'));
report.xdp = await attached(first, 0);
const before = count(0);
socket.send('x', 9, '10.9.0.1');
report.detached = count(0) === before;
report.generic = await attached(pass.attachXdp('near', 'generic'), 0);
// The loopback driver has no XDP of its own.
const fallen = pass.attachXdp('lo');
report.fallback = { mode: fallen.mode, native: refused(() => pass.attachXdp('lo', 'native')) };
fallen.close();
report.tc = await attached(watch.attachTc('near', 'ingress'), 1);
report.clsact = await attached(watch.attachTc('near', 'ingress', 'clsact'), 1);
report.clsactPin = refused(() => watch.attachTc('near', 'egress', 'clsact').pin('/sys/fs/bpf/x'));
report.nowhere = refused(() => pass.attachXdp('nowhere'));
report.wrongType = refused(() => watch.attachXdp('near'));

// Nobody holds this link: the collector takes it down, after which the interface is free again.
(() => pass.attachXdp('near'))();
let again;
while (!again) {
  globalThis.gc();
  await setImmediate();
  if (refused(() => (again = pass.attachXdp('near'))) === undefined) report.collected = true;
}
// Left open on purpose: both have to go with the process.
watch.attachTc('near', 'ingress', 'clsact');
// Ends with process.exit() while it listens, to which it must not object.
object.map('events').records(() => undefined);
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit());
