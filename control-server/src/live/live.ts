import type { ServerResponse } from 'node:http';
import { type LiveEvent, type LiveList, limits, liveLists, NetportError, type Overview } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { queryAudit } from '../state/audit.js';
import type { StateContext } from '../state/context.js';
import { type FleetRecords, fleetRecords, overview } from '../state/overview.js';
import type { Inspection, Presence } from '../state/presence.js';
import { changedBetween, changedBy } from './changed-lists.js';
import { TrafficMeter } from './traffic-meter.js';
import { frameOf, Watcher } from './watcher.js';

export interface LiveOptions {
  context: StateContext;
  presence: Presence;
  inspection: Inspection;
  log: Logger;
}

type MayWatch = () => Promise<boolean>;

/** Shows those who watch what happens, one sample for all of them; where nobody watches, nothing runs. */
export class Live {
  readonly #options: LiveOptions;
  /** Each with the question whether it may go on. */
  readonly #watchers = new Map<Watcher, MayWatch>();
  #sampler: Sampler | undefined;
  #stopped = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** Turns an answer into an event stream. Throws `limit_exceeded` or `draining`. */
  watch(response: ServerResponse, mayWatch: MayWatch): void {
    if (this.#stopped) throw new NetportError('draining', 'the control server is shutting down');
    if (this.#watchers.size >= limits.liveWatchers) {
      throw new NetportError('limit_exceeded', `${limits.liveWatchers} pages watch already, as many as may`);
    }
    // `no-transform` and the last field keep proxies from holding events back.
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    const watcher = new Watcher(response);
    this.#watchers.set(watcher, mayWatch);
    response.once('close', () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      this.#sampler?.stop();
      this.#sampler = undefined;
    });
    this.#sampler ??= new Sampler({ ...this.#options, watchers: this.#watchers, check: () => this.checkWatchers() });
    this.#sampler.greet(watcher);
  }

  /** Ends the streams of those who are no longer signed in. */
  checkWatchers(): void {
    for (const [watcher, mayWatch] of this.#watchers) {
      mayWatch()
        .then((may) => may || watcher.end())
        .catch((error) => this.#options.log.error({ err: error }, 'a watcher could not be checked'));
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const watcher of this.#watchers.keys()) watcher.end();
  }
}

interface SamplerOptions extends LiveOptions {
  watchers: ReadonlyMap<Watcher, MayWatch>;
  check: () => void;
}

/** Takes the pictures while somebody watches. */
class Sampler {
  readonly #options: SamplerOptions;
  readonly #meter = new TrafficMeter();
  readonly #timers: NodeJS.Timeout[];
  readonly #busy = new Set<string>();
  /** The latest audit event that was looked at; undefined before the first look. */
  #latest: number | undefined;
  #fleet: FleetRecords | undefined;
  #overview: Overview | undefined;
  readonly #greeted = new Set<Watcher>();

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => this.#tick(), limits.liveInterval),
      setInterval(() => this.#beat(), limits.liveHeartbeat),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** The first events of a new watcher. */
  greet(watcher: Watcher): void {
    this.#greeted.add(watcher);
    this.#tick();
  }

  /** Two at a time of the same kind would report one thing twice: a slow one is waited for. */
  #tick(): void {
    this.#alone('changes', () => this.#changes());
    this.#alone('traffic', () => this.#traffic());
  }

  #alone(what: string, work: () => Promise<void>): void {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    work()
      .catch((error) => this.#options.log.error({ err: error }, `live ${what} could not be read`))
      .finally(() => this.#busy.delete(what));
  }

  #beat(): void {
    const now = this.#now();
    for (const watcher of this.#options.watchers.keys()) watcher.beat(now);
    this.#options.check();
  }

  async #traffic(): Promise<void> {
    const sample = await this.#options.inspection.traffic();
    this.#send({ event: 'traffic', data: this.#meter.next(sample, this.#options.context.now()) });
  }

  async #changes(): Promise<void> {
    const { context, presence } = this.#options;
    const first = this.#latest === undefined;
    const { items: events } = await queryAudit(
      context,
      first ? { limit: 1 } : { limit: limits.liveAuditEvents, after: this.#latest },
    );
    this.#latest = events[0]?.id ?? this.#latest ?? 0;
    const what = new Set<LiveList>(first ? [] : events.flatMap(changedBy));
    if (!this.#fleet || what.size > 0) this.#fleet = await fleetRecords(context);

    const before = this.#overview;
    const after = overview(context, presence, this.#fleet);
    const differing = before ? changedBetween(before, after) : [];
    if (!before || differing.length > 0) this.#overview = after;
    for (const list of differing) what.add(list);
    this.#welcome(after);
    if (first) return;

    if (events.length === limits.liveAuditEvents) what.add('audit');
    if (differing.length > 0) this.#send({ event: 'overview', data: after });
    for (const event of events.reverse()) this.#send({ event: 'audit', data: event });
    if (what.size > 0) this.#send({ event: 'changed', data: { what: [...what] } });
  }

  /** The overview for new watchers; all of it for those that lost something. */
  #welcome(data: Overview): void {
    const now = this.#now();
    const hello = frameOf({ event: 'overview', data });
    for (const watcher of this.#greeted) watcher.send(hello, now);
    this.#greeted.clear();
    const everything = hello + frameOf({ event: 'changed', data: { what: [...liveLists] } });
    for (const watcher of this.#options.watchers.keys()) if (watcher.caughtUp()) watcher.send(everything, now);
  }

  #send(event: LiveEvent): void {
    const now = this.#now();
    const frame = frameOf(event);
    for (const watcher of this.#options.watchers.keys()) watcher.send(frame, now);
  }

  #now(): number {
    return this.#options.context.now().getTime();
  }
}
