import type { AuditEventView } from './api-views.js';

/**
 * The audit trail is a chain. The hash of each event is
 *
 *     SHA-256( canonical JSON of the event without its `hash` ), in lower-case hexadecimal
 *
 * and `previous`, the hash of the event before, is one of its members: who changes, removes or swaps an event changes every hash
 * after it. Ids count up by one. Canonical JSON is RFC 8785: members sorted by UTF-16 code units, no white space, numbers and
 * strings as ECMAScript writes them, in UTF-8. docs/audit.md has an example.
 */
export type UnhashedEvent = Omit<AuditEventView, 'hash'>;

/** `previous` of the first event that ever was. */
export const chainStart = '0'.repeat(64);

/** The event that retention writes: the chain goes on from the last event that it removed. */
export const pruneAction = 'audit.prune';

/** What is hashed, as text. */
export const canonicalEvent = ({ id, at, actor, origin, action, subject, code, detail, previous }: UnhashedEvent) =>
  canonicalJson({ id, at, actor, origin, action, subject, code, detail, previous });

/** RFC 8785. What JSON leaves out is left out. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** One place where the chain is broken. */
export interface ChainBreak {
  /** The first event that is not as it was written, or is not there. */
  id: number;
  why: string;
}

type Position = Pick<AuditEventView, 'id' | 'hash'>;

/** Walks along a chain, oldest event first. Pure but for what it remembers: who calls it brings SHA-256. */
export class ChainCheck {
  readonly #sha256: (text: string) => string;
  #first: Pick<AuditEventView, 'id' | 'previous'> | undefined;
  #last: Position | undefined;
  /** An event says that retention removed what was before the first one. */
  #anchored = false;
  #count = 0;

  constructor(sha256: (text: string) => string) {
    this.#sha256 = sha256;
  }

  get count(): number {
    return this.#count;
  }

  get last(): Position | undefined {
    return this.#last;
  }

  /** The id of the first event, where the chain does not begin with it and no event of retention says what was before. */
  get missingBefore(): number | undefined {
    const first = this.#first;
    const whole = !first || this.#anchored || (first.id === 1 && first.previous === chainStart);
    return whole ? undefined : first.id;
  }

  /** Takes the next event, and says what is wrong with it. */
  next({ hash, ...event }: AuditEventView): ChainBreak | undefined {
    const last = this.#last;
    if (last && event.id !== last.id + 1) {
      const gap = event.id > last.id + 1;
      return gap
        ? { id: last.id + 1, why: `it is missing: event ${event.id} follows event ${last.id}` }
        : { id: event.id, why: `it stands after event ${last.id}` };
    }
    if (last && event.previous !== last.hash) {
      return { id: event.id, why: `it does not follow on event ${last.id}, whose hash is ${last.hash}` };
    }
    if (this.#sha256(canonicalEvent(event)) !== hash) {
      return { id: event.id, why: 'its content does not have its hash' };
    }
    this.#first ??= event;
    this.#last = { id: event.id, hash };
    this.#count += 1;
    const { through, hash: removed } = event.detail;
    const toFirst = through === this.#first.id - 1 && removed === this.#first.previous;
    if (event.action === pruneAction && toFirst) this.#anchored = true;
    return undefined;
  }
}
