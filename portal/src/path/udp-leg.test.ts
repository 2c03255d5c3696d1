import { createHmac } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { unavailable } from '@netport/dataplane';
import {
  type BindBody,
  type CircuitId,
  decodeBind,
  encodeBindBody,
  isBind,
  limits,
  type Name,
  toBase64Url,
  withMac,
} from '@netport/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { until } from '../testing/sockets.js';
import { openBatched, openSingly, type UdpSocketOptions } from './datagram-socket.js';
import { bindUdpLeg, type UdpLeg, type UdpLegOffer } from './udp-leg.js';

const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;
const otherId = '00000000-0000-4000-8000-000000000002' as CircuitId;
const token = new Uint8Array(32).fill(7);

const made = (body: BindBody, key = token): Uint8Array => {
  const bytes = encodeBindBody(body);
  return withMac(bytes, createHmac('sha256', key).update(bytes).digest());
};
const answer = (kind: BindBody['kind'], counter: bigint) => made({ kind, circuitId, counter });

/** A relay as far as one leg can tell. What it answers to each bind is the test's business. */
let relay: Socket;
let offer: UdpLegOffer;
/** Counters and ports of the binds that came, and everything else that came. */
let binds: { counter: bigint; port: number }[];
let payloads: string[];
let onBind: (counter: bigint, from: RemoteInfo) => void;
/** What the portal was given. */
let received: string[];
let leg: UdpLeg | undefined;

const ways = [
  [`the addon${unavailable ? ` (skipped: ${unavailable})` : ''}`, openBatched],
  ['node:dgram', openSingly],
] as const;
let openSocket: typeof openSingly;
const over = (way: typeof openSingly): void => {
  beforeEach(({ skip }) => {
    skip(way === openBatched && unavailable !== undefined, unavailable);
    openSocket = way;
  });
};

beforeEach(async () => {
  binds = [];
  payloads = [];
  received = [];
  leg = undefined;
  onBind = (counter, from) => reply(from, answer('joined', counter));
  relay = createSocket('udp4').bind(0, '127.0.0.1');
  await once(relay, 'listening');
  const name = 'r' as Name;
  offer = { circuitId, host: '127.0.0.1', port: relay.address().port, token: toBase64Url(token), relay: name };
  relay.on('message', (bytes, from) => {
    if (!isBind(bytes)) {
      payloads.push(bytes.toString());
      return;
    }
    const { counter, kind, mac } = decodeBind(bytes);
    expect(kind).toBe('bind');
    expect(Buffer.from(made({ kind, circuitId, counter })).subarray(32).equals(mac)).toBe(true);
    binds.push({ counter, port: from.port });
    onBind(counter, from);
  });
});
afterEach(() => {
  vi.useRealTimers();
  leg?.close();
  relay.close();
});

const reply = (to: RemoteInfo, bytes: Uint8Array | string) => relay.send(bytes, to.port, to.address);
const bind = async (timeout?: number) => {
  leg = await bindUdpLeg(offer, {
    onDatagrams: (datagrams) => received.push(...datagrams.map(String)),
    openSocket,
    ...(timeout !== undefined && { timeout }),
  });
  return leg;
};

describe.each(ways)('binding over %s', (_name, way) => {
  over(way);

  it('waits for the other leg, and gives on only what comes after the join', async () => {
    onBind = (counter, from) => {
      reply(from, answer('waiting', counter));
      reply(from, 'too early');
      if (counter < 2n) return;
      reply(from, answer('joined', counter - 1n));
      reply(from, 'in time');
    };
    const bound = await bind();
    bound.send(Buffer.from('ping'));
    await until(() => payloads.length > 0 && received.length > 0);
    expect(payloads).toEqual(['ping']);
    expect(received).toEqual(['in time']);
    expect(binds.map(({ counter }) => counter)).toEqual([1n, 2n]);
  });

  it('asks again, with a higher counter, until it is answered', async () => {
    onBind = (counter, from) => {
      if (counter === 3n) reply(from, answer('joined', counter));
    };
    await bind();
    expect(binds.map(({ counter }) => counter)).toEqual([1n, 2n, 3n]);
  });

  it('believes no answer but the relay’s', async () => {
    const forged = (counter: bigint) => [
      made({ kind: 'joined', circuitId, counter }, new Uint8Array(32)),
      made({ kind: 'joined', circuitId: otherId, counter }),
      answer('joined', counter + 1n),
      answer('bind', counter),
      answer('joined', counter).fill(3, 5, 6),
      Buffer.alloc(64),
      Buffer.alloc(0),
    ];
    onBind = (counter, from) => {
      for (const bytes of forged(counter)) reply(from, bytes);
    };
    await expect(bind(300)).rejects.toMatchObject({ code: 'leg_rejected' });
  });

  it.each([
    ['leg_rejected', 'the relay says nothing', () => {}],
    [
      'circuit_expired',
      'the other portal does not come',
      (counter: bigint, from: RemoteInfo) => reply(from, answer('waiting', counter)),
    ],
  ] as const)('rejects with %s when %s', async (code, _when, behaviour) => {
    onBind = behaviour;
    await expect(bind(300)).rejects.toMatchObject({ code });
  });

  it('rejects with leg_rejected at once when the port is closed, or the name unknown', async () => {
    const closed = createSocket('udp4').bind(0, '127.0.0.1');
    await once(closed, 'listening');
    offer = { ...offer, port: closed.address().port };
    await new Promise<void>((resolve) => closed.close(() => resolve()));
    await expect(bind()).rejects.toMatchObject({ code: 'leg_rejected' });
    offer = { ...offer, host: 'relay.invalid' };
    await expect(bind()).rejects.toMatchObject({ code: 'leg_rejected' });
  });
});

describe.each(ways)('a bound leg over %s', (_name, way) => {
  over(way);

  it('sends many at once, in order, and tells how many it took', async () => {
    const bound = await bind();
    const many = Array.from({ length: 40 }, (_, i) => Buffer.from(`number ${i}`));
    expect(bound.sendMany(many, 39)).toBe(39);
    await until(() => payloads.length === 39);
    expect(payloads).toEqual(many.slice(0, 39).map(String));
    bound.close();
    expect(bound.sendMany(many)).toBe(0);
  });

  it('roams to another port, again and again', async () => {
    const bound = await bind();
    for (const ports of [2, 3]) {
      await bound.roam();
      expect(new Set(binds.map(({ port }) => port)).size).toBe(ports);
    }
    // Each bind has its own, also one that is asked again.
    expect(binds.map(({ counter }) => counter)).toEqual(binds.map((_, i) => BigInt(i + 1)));
    bound.send(Buffer.from('from here'));
    await until(() => payloads.length > 0);
  });

  it('outlives a port that is closed for a moment', async () => {
    const bound = await bind();
    const { port } = relay.address();
    await new Promise<void>((resolve) => relay.close(() => resolve()));
    bound.send(Buffer.from('lost'));
    bound.send(Buffer.from('refused'));
    relay = createSocket('udp4').bind(port, '127.0.0.1');
    relay.on('message', (bytes) => payloads.push(bytes.toString()));
    await once(relay, 'listening');
    await until(() => {
      bound.send(Buffer.from('back'));
      return payloads.includes('back');
    });
  });

  it('binds again when it has sent nothing for the keep-alive interval', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const bound = await bind();
    vi.advanceTimersByTime(limits.udpLegKeepAlive - 1000);
    bound.send(Buffer.from('x'));
    await until(() => payloads.length === 1);
    reply({ ...relay.address(), port: binds[0]?.port ?? 0, size: 0, family: 'IPv4' }, 'y');
    await until(() => received.length === 1);
    vi.advanceTimersByTime(limits.udpLegKeepAlive - 1000);
    expect(binds).toHaveLength(1);
    vi.advanceTimersByTime(1000);
    await until(() => binds.length === 2);
  });

  it('binds again when it sends and hears nothing, until it is heard', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const bound = await bind();
    onBind = () => {};
    vi.advanceTimersByTime(1000);
    bound.send(Buffer.from('x'));
    vi.advanceTimersByTime(limits.udpLegUnheard);
    await until(() => binds.length > 1);
    const lost = binds.length;
    onBind = (counter, from) => reply(from, answer('joined', counter));
    vi.advanceTimersByTime(1000);
    await until(() => binds.length > lost);
    expect(binds.at(-1)?.counter).toBe(BigInt(binds.length));
  });

  it('tells that its relay has gone, again and again, when nothing is heard and no bind is answered', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let lost = 0;
    leg = await bindUdpLeg(offer, { onDatagrams: () => {}, onLost: () => lost++, openSocket });
    onBind = () => {};
    leg.send(Buffer.from('x'));
    for (const times of [1, 2]) {
      vi.advanceTimersByTime(limits.udpLegUnheard);
      await until(() => lost === times);
    }
    expect(binds).toHaveLength(1 + 2 * limits.udpBindsUnanswered);
  });

  it('looks for its relay at once when its port is closed, and finds it if it can', async () => {
    let lost = false;
    leg = await bindUdpLeg(offer, {
      onDatagrams: () => {},
      onLost: () => {
        lost = true;
      },
      openSocket,
    });
    await new Promise<void>((resolve) => relay.close(() => resolve()));
    leg.send(Buffer.from('x'));
    await until(() => lost);
    relay = createSocket('udp4').bind(offer.port, '127.0.0.1');
    await once(relay, 'listening');
    const again = once(relay, 'message') as Promise<[Buffer, RemoteInfo]>;
    leg.send(Buffer.from('y'));
    expect(String((await again)[0])).toBe('y');
  });

  it.each(['told', 'refused by its machine'])('follows its machine to another address when %s', async (how) => {
    const sockets: UdpSocketOptions[] = [];
    let here = '192.0.2.1';
    leg = await bindUdpLeg(offer, {
      onDatagrams: () => {},
      openSocket: async (options) => {
        sockets.push(options);
        const socket = await openSocket(options);
        // The real one, which says that it is elsewhere.
        return {
          ...socket,
          local: { ...socket.local, address: here },
          send: socket.send.bind(socket),
          close: socket.close.bind(socket),
        };
      },
    });
    await leg.follow();
    expect(binds).toHaveLength(1);
    here = '192.0.2.2';
    const follow = (): void => {
      if (how === 'told') void leg?.follow();
      else sockets[0]?.onError?.(Object.assign(new Error(), { code: 'ENETUNREACH' }));
    };
    await until(() => {
      follow();
      return binds.length > 1;
    });
    expect(binds[1]?.port).not.toBe(binds[0]?.port);
  });

  it('is silent once it is closed, also in the middle of a bind', async () => {
    const bound = await bind();
    onBind = () => bound.close();
    await expect(bound.rebind()).rejects.toMatchObject({ code: 'circuit_closed' });
    await expect(bound.roam()).rejects.toMatchObject({ code: 'circuit_closed' });
    bound.send(Buffer.from('nowhere'));
    bound.close();
    expect(payloads).toEqual([]);
  });
});
