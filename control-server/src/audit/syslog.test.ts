import { expect, test } from 'vitest';
import { parseSyslog } from '../../test/syslog-parser.js';
import type { ChainedEvent } from '../store/store.js';
import { syslogMessage } from './syslog.js';

const event = (change: Partial<ChainedEvent> = {}): ChainedEvent => ({
  ...{ id: 7, at: new Date('2030-01-01T00:00:00.125Z'), actor: 'token:admin', origin: '[2001:db8::1]:5', code: null },
  ...{ action: 'pair.add', subject: 'web', detail: {}, previous: '0'.repeat(64), hash: 'f'.repeat(64), ...change },
});
const parsed = (change?: Partial<ChainedEvent>) =>
  parseSyslog(Buffer.from(syslogMessage(event(change), 'control.test')));

test('a message has its head, what to sort by, and the whole event', () => {
  const detail = { stream: '00112233-4455-4677-8899-aabbccddeeff', pair: 'web', from: 'a', to: 'b' };
  const message = parsed({ action: 'stream.end', code: 'stream_reset', detail });
  expect(message).toMatchObject({
    ...{ facility: 13, severity: 4, timestamp: '2030-01-01T00:00:00.125Z', hostname: 'control.test' },
    ...{ appName: 'netport-control', procId: '-', msgId: 'stream.end' },
  });
  expect(message.data).toEqual({
    'netport@32473': {
      ...{ id: '7', actor: 'token:admin', origin: '[2001:db8::1]:5', subject: 'web', code: 'stream_reset' },
      ...{ portal: 'a', peer: 'b', pair: 'web', stream: detail.stream, hash: 'f'.repeat(64) },
    },
  });
  const { at, ...rest } = event({ action: 'stream.end', code: 'stream_reset', detail });
  expect(JSON.parse(message.text)).toEqual({ ...rest, at: at.toISOString() });
});

test('what nobody refused is informational, and says nothing of what it has not', () => {
  const { severity, data } = parsed({ origin: null, subject: null });
  expect(severity).toBe(6);
  expect(Object.keys(data['netport@32473'] ?? {})).toEqual(['id', 'actor', 'hash']);
});

test.each([
  ['quotes', 'a"b'],
  ['brackets', 'a]b [x y="z"]'],
  ['backslashes', '\\a\\"\\]\\'],
  ['other scripts', 'Zürich 東京 😀'],
])('%s reach the receiver as they were', (_what, subject) => {
  const { data, text } = parsed({ subject, detail: { subject } });
  expect(data['netport@32473']?.subject).toBe(subject);
  expect(JSON.parse(text)).toMatchObject({ subject, detail: { subject } });
});

test('nothing that somebody says can break a message into two, or its head', () => {
  const evil = 'a\n<13>1 - - - - - - forged\u0000\u0085';
  const { data, msgId, hostname, text } = parseSyslog(
    Buffer.from(syslogMessage(event({ action: `${evil} ${'x'.repeat(50)}`, subject: evil }), `host ${evil}`)),
  );
  expect(msgId).toMatch(/^a\?<13>1/);
  expect(hostname).not.toContain(' ');
  expect(data['netport@32473']?.subject).toBe('a?<13>1 - - - - - - forged??');
  expect(JSON.parse(text).subject).toBe(evil);
  expect(text).not.toContain('\n');
});
