import type { ErrorCode, PairId, PolicyDocument, PolicyRule, Protocol, SpiffeId, StreamInfo } from '@netport/protocol';
import { type Direction, gate, sameRule } from './gate.js';
import type { PumpCounters } from './pump.js';

/** One running stream, and the rule that permits it. */
export interface LiveStream {
  direction: Direction;
  pair: PairId;
  peer: SpiffeId;
  protocol: Protocol;
  /** Of the tunnel that it runs in. */
  transport: StreamInfo['transport'];
  rule: PolicyRule;
  source: string;
  target?: string;
  since: Date;
  counters: PumpCounters;
  cut(code: ErrorCode, reason: string): void;
}

/** Every running stream of this portal, so that a policy change finds those that it ends. */
export class LiveStreams {
  readonly #streams = new Set<LiveStream>();
  readonly #past = { bytesSent: 0, bytesReceived: 0, dropped: 0 };

  get size(): number {
    return this.#streams.size;
  }

  add(stream: LiveStream): void {
    this.#streams.add(stream);
  }

  remove(stream: LiveStream): void {
    if (!this.#streams.delete(stream)) return;
    add(this.#past, stream.counters);
  }

  /** Cuts every stream whose rule is gone, changed or expired. */
  recheck(policy: PolicyDocument | undefined, now: number): void {
    for (const stream of this.#streams) {
      const verdict = gate(policy, stream, now);
      if (!verdict.allow) stream.cut(verdict.code, verdict.reason);
      else if (!sameRule(verdict.rule, stream.rule))
        stream.cut('policy_denied', `access pair ${stream.rule.name} changed`);
    }
  }

  cutAll(code: ErrorCode, reason: string): void {
    for (const stream of this.#streams) stream.cut(code, reason);
  }

  /** Since the start, of finished and of running streams. */
  totals(): Required<PumpCounters> {
    const totals = { ...this.#past };
    for (const { counters } of this.#streams) add(totals, counters);
    return totals;
  }

  list(): StreamInfo[] {
    return [...this.#streams].map(
      ({ direction, pair, peer, protocol, transport, source, target, since, counters }) => ({
        pair,
        peer,
        direction,
        protocol,
        transport,
        source,
        ...(target === undefined ? {} : { target }),
        bytesSent: counters.bytesSent,
        bytesReceived: counters.bytesReceived,
        ...(counters.dropped === undefined ? {} : { dropped: counters.dropped }),
        since: since.toISOString(),
      }),
    );
  }
}

function add(totals: Required<PumpCounters>, { bytesSent, bytesReceived, dropped = 0 }: PumpCounters): void {
  totals.bytesSent += bytesSent;
  totals.bytesReceived += bytesReceived;
  totals.dropped += dropped;
}
