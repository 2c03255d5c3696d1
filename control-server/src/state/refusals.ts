import { decodeJoinToken, limits, type Name, type NetportError } from '@netport/protocol';
import { perMinute, type RateLimit } from '../rate-limit.js';
import { type AuditEntry, auditEvent } from './audit.js';
import type { Actor, StateContext } from './context.js';

/**
 * Writes down what was refused, mostly to somebody who has not shown who he is. At a bounded rate: a scanner must not fill the
 * trail. What a stranger claims is recorded as a claim, never as the actor.
 */
export class Refusals {
  readonly #context: StateContext;
  readonly #rate: RateLimit;
  #dropped = 0;

  constructor(context: StateContext) {
    this.#context = context;
    this.#rate = perMinute(limits.auditEventsPerMinute, context.now().getTime());
  }

  /** A request to the admin API, of somebody unknown, or of somebody who may not do that. */
  request(actor: Actor, what: string, error: NetportError): Promise<void> {
    return this.#add(actor, { action: 'api.deny', subject: what, code: error.code }, error);
  }

  /** A control session without a good certificate. */
  session(origin: string | null, error: NetportError): Promise<void> {
    return this.#add(anonymous(origin), { action: 'session.deny', subject: null, code: error.code }, error);
  }

  /** An enrolment: for whom, the token says, whether it is good or not. */
  enrolment(origin: string | null, token: string, error: NetportError): Promise<void> {
    const claim = claimOf(token);
    const entry = { action: `${claim?.kind ?? 'portal'}.enrol`, subject: claim?.name ?? null, code: error.code };
    return this.#add(anonymous(origin), entry, error);
  }

  /** An enrolment with a device certificate; what portal the device would be is known once that is verified. */
  device(origin: string | null, portal: Name | null, error: NetportError): Promise<void> {
    return this.#add(anonymous(origin), { action: 'portal.enrol', subject: portal, code: error.code }, error);
  }

  /** A renewal without a good certificate. */
  renewal(origin: string | null, error: NetportError): Promise<void> {
    return this.#add(anonymous(origin), { action: 'certificate.deny', subject: null, code: error.code }, error);
  }

  async #add(actor: Actor, entry: AuditEntry, { message }: NetportError): Promise<void> {
    if (!this.#rate.take(this.#context.now().getTime())) {
      this.#dropped += 1;
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    const detail = { message, ...(dropped > 0 && { dropped }) };
    await auditEvent(this.#context, actor, { ...entry, detail });
  }
}

const anonymous = (origin: string | null): Actor => ({ name: 'anonymous', origin });

function claimOf(token: string) {
  try {
    return decodeJoinToken(token);
  } catch {
    return undefined;
  }
}
