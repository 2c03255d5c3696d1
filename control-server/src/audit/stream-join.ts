import type { ErrorCode, Name, StreamEnd, StreamReport } from '@netport/protocol';
import type { AuditEntry } from '../state/audit.js';
import type { Actor } from '../state/context.js';
import type { ChainedEvent } from '../store/store.js';

/** The portals that a stream of this pair can run between. */
export interface PairParties {
  name: Name;
  from: Name;
  to: Name;
}

export type Side = 'from' | 'to';

/** What one portal says of a stream's start or end. */
export interface Word {
  actor: Actor;
  report: StreamReport;
}

/** What is said of one start or end, by one portal or by both. */
export interface Account {
  pair: PairParties;
  words: Partial<Record<Side, Word>>;
}

/** Pure: one event out of what both portals say. The target is the dialling one's word, the source and the relay the listening one's. */
export function joinWords({ pair, words }: Account): { actor: Actor; entry: AuditEntry } | undefined {
  const word = words.from ?? words.to;
  if (!word) return undefined;
  const { report, actor } = word;
  const end = endOf(words);
  return {
    actor,
    entry: {
      action: `stream.${report.event}`,
      subject: pair.name,
      ...(end && end.reason !== 'ok' && { code: end.reason }),
      detail: {
        stream: report.stream,
        pair: pair.name,
        from: pair.from,
        to: pair.to,
        protocol: report.protocol,
        transport: report.transport,
        relay: words.from?.report.relay ?? null,
        source: report.source,
        target: words.to?.report.target ?? null,
        openedAt: report.openedAt,
        ...end,
        reportedBy: words.from && words.to ? 'both' : words.from ? 'from' : 'to',
      },
    },
  };
}

/** Pure: the word that came after its event was written, for an event of its own. */
export function lateWord({ pair }: Account, side: Side, { actor, report }: Word): { actor: Actor; entry: AuditEntry } {
  const joined = joinWords({ pair, words: { [side]: { actor, report } } });
  const { action = '', detail = {}, ...entry } = joined?.entry ?? { subject: pair.name };
  return { actor, entry: { ...entry, action: 'stream.amend', detail: { ...detail, about: action } } };
}

/** Pure: what of an account is not written yet, given the events of its stream. */
export function unwritten(account: Account, events: readonly ChainedEvent[]): { actor: Actor; entry: AuditEntry }[] {
  const joined = joinWords(account);
  if (!joined) return [];
  const ofPair = events.filter(({ detail }) => detail.pair === account.pair.name);
  const { action } = joined.entry;
  const heard = ofPair
    .filter((event) => event.action === action || event.detail.about === action)
    .map(({ detail }) => detail.reportedBy);
  if (heard.length === 0) return [joined];
  return Object.entries(account.words)
    .filter(([side]) => !heard.includes(side) && !heard.includes('both'))
    .map(([side, word]) => lateWord(account, side as Side, word));
}

/** What `from` says, and what `to` says where it differs: bytes that were under way when the stream broke. */
function endOf({ from, to }: Account['words']) {
  const near = ended(from);
  const far = ended(to);
  const said = near ?? (far && turned(far));
  if (!said) return undefined;
  const { bytesSent, bytesReceived, durationMs, endedAt } = said;
  const other = near && far && turned(far);
  const differs = other && (other.bytesSent !== bytesSent || other.bytesReceived !== bytesReceived);
  return {
    bytesSent,
    bytesReceived,
    durationMs,
    endedAt,
    reason: reasonOf(near?.reason, far?.reason),
    ...(differs && { atTarget: { bytesSent: other.bytesSent, bytesReceived: other.bytesReceived } }),
  };
}

const ended = (word: Word | undefined): StreamEnd | undefined =>
  word?.report.event === 'end' ? word.report : undefined;

/** As seen from the application at the listening portal: sent is what travels from `from` to `to`. */
const turned = (end: StreamEnd): StreamEnd => ({ ...end, bytesSent: end.bytesReceived, bytesReceived: end.bytesSent });

/** One portal knows why, the other saw a reset, or an end after it. */
function reasonOf(...reasons: (ErrorCode | 'ok' | undefined)[]): ErrorCode | 'ok' {
  const told = reasons.filter((reason) => reason !== undefined);
  const cause = told.find((reason) => reason !== 'ok' && reason !== 'stream_reset');
  return cause ?? (told.includes('stream_reset') ? 'stream_reset' : 'ok');
}
