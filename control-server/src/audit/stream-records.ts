import { limits, type Name, type PairId, parseSpiffeId, type StreamBatch, type StreamReport } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { auditAll, ownActor } from '../state/audit.js';
import type { Actor, StateContext } from '../state/context.js';
import type { PairRecord } from '../store/store.js';
import { type Account, type PairParties, type Side, unwritten } from './stream-join.js';

export interface StreamRecordsOptions {
  context: StateContext;
  /** Whether this portal has a control session. */
  online: (portal: string) => boolean;
  log: Logger;
}

/** A start or end that is to be written, and who waits for it. */
interface Pending extends Account {
  stream: string;
  since: number;
  batches: Set<Batch>;
}

/** One portal's batch: acknowledged when nothing of it is pending. */
interface Batch {
  left: number;
  keep: () => void;
}

const sweepInterval = 1000;

/**
 * Joins what the two portals of a stream say of it, and writes one event for its start and one for its end. A batch is
 * acknowledged after its events are written, so what is lost here is sent again; what was written already is not written twice.
 */
export class StreamRecords {
  readonly #options: StreamRecordsOptions;
  readonly #pairs = new Map<PairId, PairParties>();
  /** In the order that they came. */
  readonly #pending = new Map<string, Pending>();
  #ready: Pending[] = [];
  #writing: Promise<void> | undefined;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: StreamRecordsOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#sweepLate(), sweepInterval);
    this.#sweep.unref();
  }

  /** The pairs of the policy in force. Those that were, are remembered: their streams end after them. */
  learn(pairs: readonly PairRecord[]): void {
    for (const { id, name, from, to } of pairs) {
      this.#pairs.delete(id);
      this.#pairs.set(id, { name, from: from.portal, to: to.portal });
    }
    const room = pairs.length + limits.withdrawnPairs;
    for (const id of this.#pairs.keys()) {
      if (this.#pairs.size <= room) break;
      this.#pairs.delete(id);
    }
  }

  /** The name of a pair that is in force, or was. */
  nameOf(id: PairId): Name | undefined {
    return this.#pairs.get(id)?.name;
  }

  /** Takes what a portal reports; `keep` is called once all of it is written. */
  async take(portal: string, actor: Actor, { reports, dropped }: StreamBatch, keep: () => void): Promise<void> {
    const batch: Batch = { left: 1, keep };
    if (dropped > 0) await this.#writeLoss(portal, dropped);
    let refused = 0;
    for (const report of reports) {
      const pair = this.#pairs.get(report.pair);
      const side = pair && sideOf(pair, portal, report);
      if (side) this.#add(pair, side, { actor, report }, batch);
      else refused += 1;
    }
    if (refused > 0) {
      this.#options.log.warn({ portal, refused }, 'reports of streams that this portal has no part in were refused');
    }
    this.#settle(batch);
    this.#write();
  }

  /** Writes what nobody would report again: what portals that are gone have said. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    for (const pending of this.#pending.values()) {
      const tellers = [pending.words.from && pending.pair.from, pending.words.to && pending.pair.to];
      if (!tellers.some((portal) => portal && this.#options.online(portal))) this.#release(pending);
    }
    this.#write();
    await this.#writing;
  }

  #add(pair: PairParties, side: Side, word: { actor: Actor; report: StreamReport }, batch: Batch): void {
    const { stream, event } = word.report;
    const key = `${event} ${stream} ${word.report.pair}`;
    const pending = this.#pending.get(key) ?? {
      ...{ stream, pair, words: {}, since: performance.now(), batches: new Set<Batch>() },
    };
    this.#pending.set(key, pending);
    // The first word counts: the same one may come again.
    pending.words[side] ??= word;
    if (!pending.batches.has(batch)) {
      pending.batches.add(batch);
      batch.left += 1;
    }
    if (pending.words.from && pending.words.to) this.#release(pending, key);
    else if (this.#pending.size > limits.streamJoins) this.#releaseOldest();
  }

  #releaseOldest(): void {
    for (const [key, pending] of this.#pending) {
      this.#release(pending, key);
      return;
    }
  }

  #sweepLate(): void {
    const now = performance.now();
    for (const [key, pending] of this.#pending) {
      const age = now - pending.since;
      if (age < limits.streamJoinOnline) break;
      const { pair, words } = pending;
      const silent = words.from ? pair.to : pair.from;
      if (age >= limits.streamJoinOffline || this.#options.online(silent)) this.#release(pending, key);
    }
    this.#write();
  }

  /** An end takes the start before it along. */
  #release(pending: Pending, key = keyOf(pending)): void {
    if (!this.#pending.delete(key)) return;
    if (key.startsWith('end ')) {
      const start = `open ${key.slice('end '.length)}`;
      const opened = this.#pending.get(start);
      if (opened) this.#release(opened, start);
    }
    this.#ready.push(pending);
  }

  #write(): void {
    if (this.#writing || this.#ready.length === 0) return;
    this.#writing = this.#writeReady().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeReady(): Promise<void> {
    const { context, log } = this.#options;
    while (this.#ready.length > 0) {
      const batch = this.#ready.splice(0, limits.auditBatch / 2);
      try {
        await writeAccounts(context, batch);
      } catch (error) {
        log.error({ err: error }, 'stream records not written: they are tried again');
        this.#ready.unshift(...batch);
        return;
      }
      for (const { batches } of batch) for (const waiting of batches) this.#settle(waiting);
    }
  }

  #settle(batch: Batch): void {
    batch.left -= 1;
    if (batch.left === 0) batch.keep();
  }

  async #writeLoss(portal: string, count: number): Promise<void> {
    const { context, log } = this.#options;
    log.warn({ portal, count }, 'a portal had no room for reports of streams');
    const entry = { action: 'stream.lost', subject: portal, detail: { from: portal, count } };
    await context.store
      .transaction((records) => auditAll(context, records, [{ actor: ownActor(context), entry }]))
      .catch((error) => log.error({ err: error }, 'audit event not written'));
  }
}

const keyOf = ({ words, stream }: Pending): string => {
  const report = (words.from ?? words.to)?.report;
  return `${report?.event} ${stream} ${report?.pair}`;
};

/** A portal speaks for its own side of its own pairs. */
function sideOf(pair: PairParties, portal: string, { direction, peer }: StreamReport): Side | undefined {
  const other = parseSpiffeId(peer)?.name;
  if (direction === 'outgoing' && portal === pair.from && other === pair.to) return 'from';
  if (direction === 'incoming' && portal === pair.to && other === pair.from) return 'to';
  return undefined;
}

/** In one transaction with the look whether some of it is written already. */
const writeAccounts = (context: StateContext, accounts: readonly Pending[]): Promise<void> =>
  context.store.transaction(async (records) => {
    const known = await records.audit.ofStreams(accounts.map(({ stream }) => stream));
    const events = new Map<string, typeof known>();
    for (const event of known) {
      const stream = String(event.detail.stream);
      events.set(stream, [...(events.get(stream) ?? []), event]);
    }
    const entries = accounts.flatMap((account) => unwritten(account, events.get(account.stream) ?? []));
    await auditAll(context, records, entries);
  });
