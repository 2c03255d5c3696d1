import type { Revocations } from '@netport/pki';
import { limits, type Name, type PolicyDocument, type PortalCommand, type RelayCommand } from '@netport/protocol';
import { type Logger, scheduleAt } from '@netport/runtime';
import type { Bus } from '../bus/bus.js';
import { type SigningIdentity, signPolicy } from '../policy/sign.js';
import { type Change, mergeChanges, noChange } from '../state/change.js';
import type { StateContext } from '../state/context.js';
import { turnPairs } from '../state/pairs.js';
import { type CompiledPolicy, currentPolicy, overtakePolicy } from '../state/policy.js';
import { makeRevocations } from '../state/revocations.js';
import { trustMessage } from '../state/rollover.js';
import type { OnlinePortal, OnlineRelay, Roster } from './roster.js';

export interface FanOutOptions {
  context: StateContext;
  bus: Bus;
  roster: Roster;
  signer: () => SigningIdentity;
  /** A new policy is in force. */
  onPolicy: () => void;
  log: Logger;
}

const retryDelay = 1000;

/** Keeps the compiled policy and the revocation list current, and tells those who are online what concerns them. */
export class FanOut {
  readonly #options: FanOutOptions;
  #policy: CompiledPolicy;
  #revocations: Revocations;
  #pending: Change = noChange;
  #busy = false;
  #working = Promise.resolve();
  #relaysPending = false;
  #cancelTurn = (): void => {};
  #cancelRefresh = (): void => {};
  #unsubscribe = (): void => {};
  #stopped = false;

  private constructor(options: FanOutOptions, policy: CompiledPolicy, revocations: Revocations) {
    this.#options = options;
    this.#policy = policy;
    this.#revocations = revocations;
  }

  static async start(options: FanOutOptions): Promise<FanOut> {
    const { context, bus } = options;
    const fanOut = new FanOut(options, await currentPolicy(context), await makeRevocations(context));
    fanOut.#unsubscribe = bus.subscribe((change) => fanOut.#accept(change));
    fanOut.#schedule();
    return fanOut;
  }

  get policy(): CompiledPolicy {
    return this.#policy;
  }

  get revocations(): Revocations {
    return this.#revocations;
  }

  /** All that a portal needs right after its `hello`. */
  greetPortal(portal: OnlinePortal): void {
    const time = this.#options.context.now().toISOString();
    portal.session.send({ type: 'welcome', time, relays: this.#relayProbes() });
    // First: by these it checks what follows.
    portal.session.send(trustMessage(this.#options.context, 1));
    portal.session.send(this.#crlMessage());
    if (portal.hello.policyVersion > this.#policy.version) this.#overtake(portal);
    else this.#pushPolicy(portal, performance.now());
  }

  /** It gets its policy when that is newer than what it has; until then it would refuse it. */
  #overtake({ name, hello }: OnlinePortal): void {
    const { context, bus, log } = this.#options;
    const versions = { portal: name, theirs: hello.policyVersion, ours: this.#policy.version };
    log.warn(versions, 'a portal has a newer policy than this database, which must be a restored one: versions go on');
    overtakePolicy(context)
      .then((change) => bus.publish(change))
      .catch((error) => log.error({ err: error }, 'policy versions do not go on yet'));
  }

  greetRelay(relay: OnlineRelay): void {
    relay.session.send({ type: 'welcome', time: this.#options.context.now().toISOString() });
    relay.session.send(trustMessage(this.#options.context, 1));
    relay.session.send(this.#crlMessage());
  }

  /** A relay came or went. Those that come and go together make one message. */
  relaysChanged(): void {
    if (this.#relaysPending) return;
    this.#relaysPending = true;
    setImmediate(() => {
      this.#relaysPending = false;
      const relays = this.#relayProbes();
      for (const { session } of this.#options.roster.portals.values()) session.send({ type: 'relays', relays });
    });
  }

  /** Resolves when everybody who is online has in force what was told so far, or when it takes too long. */
  async settled(): Promise<void> {
    await this.#working;
    await Promise.all([...this.#options.roster.portals.values()].map(inForce));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelTurn();
    this.#cancelRefresh();
    await this.#working;
  }

  #accept(change: Change): void {
    this.#pending = mergeChanges(this.#pending, change);
    if (this.#busy) return;
    this.#busy = true;
    this.#working = this.#work();
  }

  /** Changes that arrive meanwhile are merged into the next round. */
  async #work(): Promise<void> {
    while (!this.#stopped && (this.#pending.policy || this.#pending.revocations || this.#pending.authority)) {
      const { policy, edits, revocations, authority } = this.#pending;
      this.#pending = noChange;
      const since = performance.now();
      try {
        if (authority) this.#tellTrust();
        // Signed by whoever issues now.
        if (revocations || authority) await this.#renewRevocations();
        if (policy || authority) await this.#renewPolicy(since, edits);
      } catch (error) {
        this.#options.log.error({ err: error }, 'a change could not be told to the portals yet');
        this.#pending = mergeChanges(this.#pending, { ...noChange, policy, edits, revocations, authority });
        await new Promise((resolve) => setTimeout(resolve, retryDelay).unref());
      }
    }
    this.#pending = noChange;
    this.#busy = false;
  }

  async #renewRevocations(): Promise<void> {
    this.#revocations = await makeRevocations(this.#options.context);
    this.#tellAll(this.#crlMessage());
    this.#schedule();
  }

  #tellTrust(): void {
    const { portals, relays } = this.#options.roster;
    this.#tellAll(trustMessage(this.#options.context, portals.size + relays.size));
    // The document that a portal keeps must be of a signer that it will go on trusting.
    for (const portal of portals.values()) portal.sentRules = undefined;
  }

  #tellAll(message: PortalCommand & RelayCommand): void {
    const { portals, relays } = this.#options.roster;
    for (const { session } of [...portals.values(), ...relays.values()]) session.send(message);
  }

  async #renewPolicy(changedAt: number, edits: Change['edits']): Promise<void> {
    this.#policy = await currentPolicy(this.#options.context, edits && { policy: this.#policy, edits });
    for (const portal of this.#options.roster.portals.values()) this.#pushPolicy(portal, changedAt);
    this.#schedule();
    this.#options.onPolicy();
  }

  /** Only when its rules differ from those it was sent last: a change concerns two portals, not all. */
  #pushPolicy(portal: OnlinePortal, changedAt: number): void {
    const { context, signer, log } = this.#options;
    const { version, compiledAt, rules } = this.#policy;
    const own = rules.get(portal.name) ?? { listeners: [], targets: [] };
    const json = JSON.stringify(own);
    if (json === portal.sentRules) return;
    portal.sentRules = json;
    portal.sentVersion = version;
    portal.changedAt ??= changedAt;
    const document: PolicyDocument = {
      version,
      trustDomain: context.trustDomain,
      portal: portal.name,
      issuedAt: compiledAt.toISOString(),
      ...own,
    };
    portal.pushing = portal.pushing
      .then(() => signPolicy(document, signer()))
      .then((jws) => void portal.session.send({ type: 'policy', jws }))
      .catch((error) => log.error({ err: error, portal: portal.name }, 'policy not sent'));
  }

  #schedule(): void {
    const { context, bus, log } = this.#options;
    const publish = (making: Promise<Change>): void => {
      making
        .then((change) => bus.publish(change))
        .catch((error) => log.error({ err: error }, 'what expired or turned was not noted'));
    };
    this.#cancelTurn();
    this.#cancelRefresh();
    const { nextChange, compiledAt } = this.#policy;
    if (nextChange) {
      this.#cancelTurn = scheduleAt(nextChange, context.now, () =>
        publish(turnPairs(context, compiledAt).then(({ change }) => change)),
      );
    }
    // Long before it gets stale: those who fetch it rarely should always find a fresh one.
    const refresh = new Date(this.#revocations.thisUpdate.getTime() + limits.crlLifetime / 2);
    this.#cancelRefresh = scheduleAt(refresh, context.now, () =>
      publish(Promise.resolve({ ...noChange, revocations: true })),
    );
  }

  #crlMessage(): Extract<RelayCommand, { type: 'crl' }> {
    return { type: 'crl', der: Buffer.from(this.#revocations.der).toString('base64') };
  }

  #relayProbes(): { relay: Name; host: string; port: number }[] {
    return [...this.#options.roster.relays.values()].map(({ name, hello }) => ({
      relay: name,
      host: hello.address,
      port: hello.probePort,
    }));
  }
}

/** Resolves when the portal has what it was sent last, has gone, or does not answer in time. */
function inForce(portal: OnlinePortal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      portal.policyWaiters.delete(look);
      resolve();
    };
    const look = (): void => {
      if (portal.policyVersion >= portal.sentVersion) done();
    };
    const timer = setTimeout(done, limits.policySettleTimeout);
    portal.policyWaiters.add(look);
    look();
  });
}
