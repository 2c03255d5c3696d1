import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { encodeReadyMark } from '@netport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { lackTakeover, titled } from '../../testing/machine.js';
import { readExactly, readReadyMark, socketPair } from '../../testing/sockets.js';
import { addressBytes } from './address.js';
import { encodeSegment, tcpFlags } from './segment.js';
import { freeze, openRawSender, setMaxSegment, tcpOptions, thaw } from './sockets.js';

const established = 1;
const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.resetAndDestroy();
});

/** The relay's end and the portal's, nothing in flight between them. */
async function pair(host: string, listensOn: string): Promise<[Socket, Socket]> {
  const { near, far } = await socketPair({ host, listensOn });
  open.push(near, far);
  far.write('preamble');
  await readExactly(near, 8);
  return [near, far];
}

/** What /proc/net/tcp and tcp6 say of the socket with this local port, connected to that one. */
function stateOf(local: number | undefined, remote: number | undefined): number | undefined {
  const hex = (port = 0) => port.toString(16).toUpperCase().padStart(4, '0');
  for (const file of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${file}`, 'utf8').split('\n')) {
      const [, from = '', to = '', state = ''] = line.trim().split(/\s+/);
      if (from.endsWith(`:${hex(local)}`) && to.endsWith(`:${hex(remote)}`)) return Number.parseInt(state, 16);
    }
  }
  return undefined;
}

describe.skipIf(lackTakeover).each([
  ['IPv4', '127.0.0.1', '127.0.0.1'],
  ['IPv6', '::1', '::1'],
  ['IPv4 to a listener on every address', '127.0.0.1', '::'],
])(titled('a leg over %s', lackTakeover), (_, host, listensOn) => {
  it('is read while it is frozen, and goes on both ways when it is thawed', async () => {
    const [near, far] = await pair(host, listensOn);
    const state = freeze(near);
    expect(state).toMatchObject({ state: established, unread: 0, unsent: 0, unackedSegments: 0 });
    expect(state.options & tcpOptions.timestamps).toBe(tcpOptions.timestamps);
    const peer = freeze(far);
    expect([state.sndSeq, state.rcvSeq]).toEqual([peer.rcvSeq, peer.sndSeq]);
    expect([state.sndWscale, state.rcvWscale]).toEqual([peer.rcvWscale, peer.sndWscale]);
    thaw(far);

    // A frozen leg still takes what comes: whoever froze it has to look again.
    far.write('early');
    expect(freeze(near)).toMatchObject({ rcvSeq: (state.rcvSeq + 5) >>> 0, unread: 5 });

    thaw(near);
    expect((await readExactly(near, 5)).toString()).toBe('early');
    near.write('answer');
    expect((await readExactly(far, 6)).toString()).toBe('answer');
    far.end('question');
    expect((await readExactly(near, 8)).toString()).toBe('question');
    near.end();
    await once(far.resume(), 'end');
  });

  it('is closed without a word to the peer, who takes the ready mark from a raw socket then', async () => {
    const [near, far] = await pair(host, listensOn);
    const { localPort = 0, remotePort = 0 } = near;
    const { sndSeq, rcvSeq, timestamp } = freeze(near);
    const peer = freeze(far);
    thaw(far);
    near.destroy();
    // Over the loopback whatever close() sends has arrived when it returns.
    expect(stateOf(localPort, remotePort)).toBeUndefined();
    expect(stateOf(remotePort, localPort)).toBe(established);

    const sender = openRawSender();
    const address = addressBytes(host);
    sender.send(
      encodeSegment({
        from: { address, port: localPort },
        to: { address, port: remotePort },
        seq: sndSeq,
        ack: rcvSeq,
        flags: tcpFlags.psh | tcpFlags.ack,
        window: 500,
        timestamps: { value: (timestamp + 1) >>> 0, echo: peer.timestamp },
        payload: encodeReadyMark(),
      }),
    );
    sender.close();
    expect(new Uint8Array(await readReadyMark(far))).toEqual(encodeReadyMark());
  });
});

describe.skipIf(lackTakeover)(titled('a listener', lackTakeover), () => {
  it('limits what both ends send', async () => {
    const { near, far } = await socketPair({ prepare: (server) => setMaxSegment(server, 1000) });
    open.push(near, far);
    // Timestamps take 12 of the 1000 bytes.
    expect(freeze(near)).toMatchObject({ peerMss: 1000, advMss: 988, sndMss: 988 });
  });

  it('is no leg, and says so by the name of the error', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    expect(() => freeze(server as unknown as Socket)).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(() => setMaxSegment(server, 1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    await new Promise((resolve) => server.close(resolve));
    expect(() => setMaxSegment(server, 1000)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});
