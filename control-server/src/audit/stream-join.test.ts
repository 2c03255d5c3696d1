import {
  type Name,
  pairIdSchema,
  type SpiffeId,
  type StreamEnd,
  type StreamReport,
  streamIdSchema,
} from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import type { ChainedEvent } from '../store/store.js';
import { type Account, joinWords, type Side, unwritten } from './stream-join.js';

const pair = { name: 'web' as Name, from: 'a' as Name, to: 'b' as Name };
const common = {
  stream: streamIdSchema.parse('00112233-4455-4677-8899-aabbccddeeff'),
  pair: pairIdSchema.parse('00112233-4455-4677-8899-000000000000'),
  protocol: 'tcp',
  transport: 'quic',
  source: '127.0.0.1:50312',
  openedAt: '2030-01-01T00:00:00.000Z',
} as const;
const near = {
  ...common,
  direction: 'outgoing',
  peer: 'spiffe://x/portal/b' as SpiffeId,
  relay: 'r1' as Name,
} as const;
const far = {
  ...common,
  direction: 'incoming',
  peer: 'spiffe://x/portal/a' as SpiffeId,
  target: '10.0.0.5:80',
} as const;
const end = {
  event: 'end',
  endedAt: '2030-01-01T00:00:02.000Z',
  durationMs: 2000,
  bytesSent: 10,
  bytesReceived: 20,
  reason: 'ok',
} as const;
const turned = { ...end, bytesSent: 20, bytesReceived: 10 };

const account = (words: Partial<Record<Side, StreamReport>>): Account => ({
  pair,
  words: Object.fromEntries(
    Object.entries(words).map(([side, report]) => [side, { actor: { name: side, origin: null }, report }]),
  ),
});
const joined = (words: Partial<Record<Side, StreamReport>>) => joinWords(account(words))?.entry;

describe('what two portals say of one stream', () => {
  it('is one event: the target is the word of the one that dialled, source and relay of the one that listened', () => {
    const liar = { ...near, target: '1.2.3.4:5' };
    const guesser = { ...far, relay: 'r9' as Name, source: 'elsewhere:1' };
    expect(joined({ from: { ...liar, event: 'open' }, to: { ...guesser, event: 'open' } })).toEqual({
      action: 'stream.open',
      subject: 'web',
      detail: {
        ...{ stream: common.stream, pair: 'web', from: 'a', to: 'b', protocol: 'tcp', transport: 'quic', relay: 'r1' },
        ...{ source: near.source, target: far.target, openedAt: common.openedAt, reportedBy: 'both' },
      },
    });
  });

  it('has the bytes as the listening portal sees them, whoever told', () => {
    const bytes = { bytesSent: 10, bytesReceived: 20, durationMs: 2000, reason: 'ok' };
    for (const words of [
      { from: { ...near, ...end } },
      { to: { ...far, ...turned } },
      { from: { ...near, ...end }, to: { ...far, ...turned } },
    ]) {
      const entry = joined(words);
      expect(entry?.detail).toMatchObject(bytes);
      expect(entry?.detail).not.toHaveProperty('atTarget');
    }
  });

  it('has both counts where they differ', () => {
    const cut = joined({ from: { ...near, ...end }, to: { ...far, ...turned, bytesSent: 25 } });
    expect(cut?.detail).toMatchObject({ bytesReceived: 20, atTarget: { bytesSent: 10, bytesReceived: 25 } });
  });

  it.each<[StreamEnd['reason'], StreamEnd['reason'], StreamEnd['reason']]>([
    ['ok', 'ok', 'ok'],
    ['ok', 'stream_reset', 'stream_reset'],
    ['stream_reset', 'policy_denied', 'policy_denied'],
    ['draining', 'stream_reset', 'draining'],
  ])('ended %s here and %s there: %s', (one, other, reason) => {
    const entry = joined({ from: { ...near, ...end, reason: one }, to: { ...far, ...turned, reason: other } });
    expect(entry?.detail).toMatchObject({ reason });
    expect(entry?.code).toBe(reason === 'ok' ? undefined : reason);
  });
});

describe('what is written already', () => {
  const written = (action: string, reportedBy: string, about?: string): ChainedEvent => ({
    ...{ id: 1, at: new Date(0), actor: 'x', origin: null, action, subject: 'web', code: null, previous: '', hash: '' },
    detail: { pair: 'web', reportedBy, ...(about && { about }) },
  });
  const words = { from: { ...near, ...end }, to: { ...far, ...turned } };

  it('is not written again', () => {
    expect(unwritten(account(words), [written('stream.end', 'both')])).toEqual([]);
    expect(unwritten(account({ from: words.from }), [written('stream.end', 'from')])).toEqual([]);
    expect(unwritten(account(words), [written('stream.open', 'both')])).toHaveLength(1);
  });

  it('gets the word that came late beside it, once', () => {
    const late = unwritten(account(words), [written('stream.end', 'from')]);
    expect(late.map(({ entry }) => entry)).toMatchObject([
      { action: 'stream.amend', detail: { about: 'stream.end', reportedBy: 'to', target: far.target, bytesSent: 10 } },
    ]);
    expect(
      unwritten(account(words), [written('stream.end', 'from'), written('stream.amend', 'to', 'stream.end')]),
    ).toEqual([]);
  });

  it('of another pair does not count: nobody hushes up a stream by naming its id first', () => {
    const other = written('stream.end', 'both');
    expect(unwritten(account(words), [{ ...other, detail: { ...other.detail, pair: 'mine' } }])).toHaveLength(1);
  });
});
