import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BarePortals, buildProgram, type DatapathChoice, runProgram, type Said } from '../harness/index.js';
import { expectWhole, kernelLack, kernelSkipped, mib, skipped, unavailable, useRelayOverlay } from './scenario.js';

const choices: DatapathChoice[] = ['userspace', 'auto'];
const bindHexDigits = 128;
/** USER_HZ: what /proc counts processor time in. */
const ticksPerSecond = 100;

const said = (lines: Said[], msg: string): Said => {
  const line = lines.find((candidate) => candidate.msg === msg);
  if (!line) throw new Error(`nobody said ${msg}`);
  return line;
};

/** Processor time of a process so far, in seconds. */
function processorTime(pid: number): number {
  // The name in parentheses may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

describe.skipIf(unavailable).each(choices)(`bad input, --datapath %s${skipped}`, (datapath) => {
  const world = useRelayOverlay({ datapath, portalArgs: ['--transport', 'tcp'] });
  let portals: BarePortals;
  let program: string;
  beforeAll(async () => {
    portals = await BarePortals.add(world().overlay, ['one', 'two']);
    program = buildProgram('udp-leg', world().overlay.directory);
  });

  const openCircuit = () => portals.circuit('udp', world().networks.relay);
  const drops = (reason: string): number => world().metric(`netport_relay_kernel_drops_total{reason="${reason}"}`);
  const rejections = (reason: string): number => world().metric(`netport_relay_rejections_total{reason="${reason}"}`);
  const expectTraffic = async () =>
    expectWhole(await world().exchange({ up: mib, down: mib, answer: 'at once' }), mib, mib);

  /** What a flood from the first network costs: packets sent, and the share of its time that the relay's process computed. */
  async function flood(port: number, payload: string): Promise<{ sent: number; share: number }> {
    const { lan1, addresses } = world().networks;
    const { pid } = world().relay.process;
    const before = processorTime(pid);
    const lines = await runProgram(lan1, program, ['flood', addresses.ipv4, port, payload, 64, 2, 0]);
    const { packets, seconds } = said(lines, 'sent');
    return { sent: Number(packets), share: (processorTime(pid) - before) / Number(seconds) };
  }

  it('packets of strangers at full rate', async () => {
    const { legs, leave } = await openCircuit();
    const inKernel = world().datapath === 'xdp';
    const count = () => (inKernel ? drops('unbound') : rejections('unbound'));
    const before = count();
    const { sent, share } = await flood(legs[0].port, '-');
    console.info(`${sent} packets, the relay's process computed ${(100 * share).toFixed(1)} % of the time`);
    if (inKernel) {
      expect(count() - before).toBeGreaterThan(0.9 * sent);
      expect(share).toBeLessThan(0.05);
    } else expect(count()).toBeGreaterThan(before);
    await leave();
    await expectTraffic();
  });

  it('forged binds at full rate', async () => {
    const { legs, leave } = await openCircuit();
    const forged =
      legs[0].hello.slice(0, bindHexDigits - 2) +
      (legs[0].hello.slice(bindHexDigits - 2, bindHexDigits) === '00' ? '01' : '00');
    const before = rejections('wrong_mac');
    const { sent, share } = await flood(legs[0].port, forged);
    console.info(`${sent} binds, the relay's process computed ${(100 * share).toFixed(1)} % of the time`);
    expect(rejections('wrong_mac')).toBeGreaterThan(before);
    if (world().datapath === 'xdp') {
      expect(drops('bind_flood')).toBeGreaterThan(0.9 * sent);
      // It judges the few that the budget lets pass.
      expect(share).toBeLessThan(0.1);
    }
    await leave();
    await expectTraffic();
  });

  it('a bind that somebody replays from elsewhere moves nothing', async () => {
    const { lan1, lan2 } = world().networks;
    const { legs, leave } = await openCircuit();
    const [near, far] = legs;
    const receiving = runProgram(lan2, program, ['receive', far.host, far.port, far.hello]);
    const sending = runProgram(lan1, program, ['send', near.host, near.port, near.hello, 1000, 3, 1000]);
    await world().waitForCircuits('it to be joined', (all) =>
      all.some(({ id, state }) => id === near.circuitId && state === 'joined'),
    );
    const before = rejections('replayed');
    const first = near.hello.slice(0, bindHexDigits);
    await runProgram(lan2, program, ['flood', near.host, near.port, first, 64, 1, 50]);
    expect(rejections('replayed')).toBeGreaterThan(before);
    expect(said(await receiving, 'received').packets).toBe(said(await sending, 'sent').packets);
    await leave();
  });

  it('a circuit that is closed while packets fly', async () => {
    const { lan1, lan2 } = world().networks;
    const { legs, leave } = await openCircuit();
    const [near, far] = legs;
    const receiving = runProgram(lan2, program, ['receive', far.host, far.port, far.hello]);
    const sending = runProgram(lan1, program, ['send', near.host, near.port, near.hello, 1000, 4, 5000]);
    await world().waitForCircuits('it to be joined', (all) =>
      all.some(({ id, state }) => id === near.circuitId && state === 'joined'),
    );
    await portals.forbid();
    await world().waitForCircuits('it to be gone', (all) => all.every(({ id }) => id !== near.circuitId));
    const received = Number(said(await receiving, 'received').packets);
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(Number(said(await sending, 'sent').packets));
    await leave();
    await expectTraffic();
  });

  // The reset alone has to do: in userspace the relay's TCP would repeat what it says.
  it.skipIf(datapath !== 'auto' || kernelLack)(
    `a TCP circuit that is closed in the middle of a transfer, when nothing comes from one portal any more${kernelSkipped}`,
    async () => {
      const { lan1, lan2, relay } = world().networks;
      const others = await BarePortals.add(world().overlay, ['three', 'four']);
      const { legs, leave } = await others.circuit('tcp', relay);
      const [near, far] = legs;
      const leg = buildProgram('tcp-leg', world().overlay.directory);
      const receiving = runProgram(lan2, leg, ['receive', far.host, far.port, far.hello]);
      const sending = runProgram(lan1, leg, ['send', near.host, near.port, near.hello, 60]);
      const resets = Promise.all([receiving, sending].map((end) => end.catch(({ stderr }) => stderr)));
      await world().waitForCircuits('it to be joined', (all) =>
        all.some(({ id, datapath }) => id === near.circuitId && datapath === 'tc'),
      );
      // Where the other portal's leg goes: nothing of this one's.
      world().networks.allowOnly(2, [near.port]);
      onTestFinished(() => world().networks.allowOnly(2, undefined));
      await others.forbid();
      expect(await resets).toEqual(['recv: Connection reset by peer\n', 'send: Connection reset by peer\n']);
      await leave();
    },
  );
});

describe.skipIf(unavailable ?? kernelLack)(`a kernel with room for one circuit${skipped || kernelSkipped}`, () => {
  const world = useRelayOverlay({
    datapath: 'auto',
    relayArgs: ['--kernel-circuits', '1'],
    portalArgs: ['--transport', 'tcp'],
  });

  it('leaves the second one to userspace, and counts it', async () => {
    expectWhole(await world().exchange({ up: mib, down: mib, answer: 'at once' }), mib, mib);
    expect((await world().tunnelCircuit()).datapath).toBe('tc');
    const transfer = await world().sendDatagrams(32 * mib, mib);
    await transfer.progress(mib);
    expect((await world().circuit(transfer.circuitId)).datapath).toBe('userspace');
    transfer.hurry();
    const [sent, received] = await transfer.done;
    expect(received.sha256).toBe(sent.sha256);
    expect(world().metric('netport_relay_kernel_declined_total{reason="map_full"}')).toBe(1);
  });
});
