import { type ErrorCode, formatEndpoint, type Hop, type HopName, type Schedule } from '@netport/protocol';
import type { ExplainFacts, Failure, PortalFacts, Tried } from './explain-facts.js';
import { isRecent } from './explain-trail.js';
import { inForce } from './permits.js';
import { scheduleState } from './schedule.js';

type Finding = Omit<Hop, 'hop'>;

const finding =
  (state: Hop['state']) =>
  (message: string, at: Date | null = null, code: ErrorCode | null = null): Finding => ({
    state,
    code,
    message,
    at: at?.toISOString() ?? null,
  });
const ok = finding('ok');
const unknown = finding('unknown');
const warning = finding('warning');
const failed = (code: ErrorCode | null, message: string, at: Date | null = null): Finding =>
  finding('failed')(message, at, code);

/** An audit event may be about a portal, and no place there. */
const isOfPortal = ({ address, port }: ExplainFacts['question']): boolean => address === null && port === null;
const notAboutPair = unknown('this is about no access pair');

const notAsked = unknown('no access pair says how to go on from here');

/** Each hop by itself, whatever the others are like. */
export const hopFindings: Readonly<Record<HopName, (facts: ExplainFacts) => Finding>> = {
  listener: ({ match: { pair }, portal, at, question }) => {
    if (isOfPortal(question)) return notAboutPair;
    if (!pair || !inForce(pair, at)) return failed(null, 'closed: no access pair in force asks for it');
    const place = formatEndpoint(pair.from);
    if (!portal.since) return unknown(`${portal.name} is offline, so whether it listens on ${place} is not known`);
    if (portal.listenerFailure) return failed(portal.listenerFailure.code, portal.listenerFailure.message);
    return ok(`${portal.name} listens on ${place}`);
  },

  pair: ({ match: { pair, note, nearest }, at, question }) => {
    if (isOfPortal(question)) return notAboutPair;
    if (!pair) {
      const [closest] = nearest;
      const hint = closest ? `; ${closest.pair} comes closest, but ${closest.difference}` : '';
      return failed('policy_denied', `no access pair listens there${hint}`);
    }
    const { name, from, to, protocol, enabled, expiresAt, schedule } = pair;
    if (!enabled) return failed('policy_denied', `${name} is disabled`);
    if (expiresAt && expiresAt <= at) return failed('pair_expired', `${name} has expired`, expiresAt);
    const hours = schedule && scheduleState(schedule, at);
    if (schedule && !hours?.open)
      return failed('policy_denied', `${name} is ${outside(schedule)}`, hours?.next ?? null);
    const way = `${name} leads to ${to.portal}:${formatEndpoint(to)} (${protocol})`;
    return note ? warning(`${way}; ${note}: ${from.portal}:${formatEndpoint(from)}`) : ok(way);
  },

  portal: (facts) => portalFinding(facts, facts.portal, 'portal'),
  peer: (facts) => (facts.peer ? portalFinding(facts, facts.peer, 'peer') : notAsked),

  relay: ({ match: { pair }, relays, tunnel, trail, at }) => {
    if (!pair) return notAsked;
    const [best, ...others] = relays;
    if (tunnel) return ok(`${tunnel.relay} carries the tunnel`);
    if (!best) return failed('relay_unavailable', 'no relay with room is online');
    const reason = best.preferredFor ? `before ${others[0]?.name}, for ${best.preferredFor}` : 'the only one with room';
    const roundTrip = best.roundTripMs === null ? 'not measured yet' : `${best.roundTripMs.toFixed(1)} ms`;
    const choice = `${best.name} would be taken, ${reason}: ${best.circuits} of ${best.capacity} circuits, ${roundTrip}`;
    const refusal = latest(trail.failures, 'relay', trail.success);
    if (!refusal || !isRecent(refusal.at, at)) return ok(choice);
    return warning(`${choice}; the last request failed: ${refusal.message}`, refusal.at, refusal.code);
  },

  tunnel: ({ match: { pair }, tunnel, trail, tried, portal, peer, at }) => {
    if (!pair) return notAsked;
    if (tunnel) {
      const { transport, path, relay, rttMs, reason, since } = tunnel;
      const roundTrip = rttMs === null ? '' : `, ${rttMs.toFixed(1)} ms`;
      const why = reason === null ? '' : `: ${reason}`;
      return ok(`stands over ${transport}, ${path} by ${relay}${roundTrip}${why}`, new Date(since));
    }
    const trial = outcome(tried.tunnel, at);
    if (trial) return trial;
    const failure = latest(trail.failures, 'tunnel', trail.success);
    const standing = 'none stands; the next connection builds one';
    if (!failure) return unknown(`${standing}${untried(tried.tunnel)}`);
    const since = Math.max(portal.since?.getTime() ?? 0, peer?.since?.getTime() ?? 0);
    const counts = isRecent(failure.at, at) && failure.at.getTime() > since;
    if (counts) return failed(failure.code, failure.message, failure.at);
    return warning(`${standing}; the last one failed: ${failure.message}`, failure.at, failure.code);
  },

  target: ({ match: { pair }, trail, tried, streams, at }) => {
    if (!pair) return notAsked;
    const target = `${pair.to.portal}:${formatEndpoint(pair.to)}`;
    const trial = outcome(tried.target, at);
    if (trial) return trial;
    const success = later(trail.success, streams.since);
    const failure = latest(trail.failures, 'target', success);
    if (failure && isRecent(failure.at, at)) return failed(failure.code, failure.message, failure.at);
    if (failure) return warning(`the last try failed: ${failure.message}`, failure.at, failure.code);
    const real = streams.target ? `, to ${streams.target}` : '';
    if (streams.running > 0) return ok(`streams running now: ${streams.running}${real}`, streams.since);
    if (success && isRecent(success, at)) return ok(`${target} answered`, success);
    const last = success ? 'no connection came lately' : 'nothing is known of a connection';
    return unknown(`${last} to ${target}${untried(tried.target) || '; trying it tells'}`, success);
  },
};

/** Certificate first: without one there is no session. */
function portalFinding(facts: ExplainFacts, portal: PortalFacts, hop: 'portal' | 'peer'): Finding {
  const { name, since, lastSeenAt, certificate } = portal;
  switch (certificate.state) {
    case 'revoked':
      return failed('cert_revoked', `the certificate of ${name} was revoked`, certificate.at);
    case 'expired':
      return failed('cert_expired', `the certificate of ${name} has expired`, certificate.at);
    case 'none': {
      const token = certificate.token ? `its join token is ${certificate.token}` : 'it has no join token';
      return failed('cert_missing', `${name} has never enrolled; ${token}`);
    }
  }
  if (!since) {
    const offline = `${name} has no control session`;
    // Tunnels outlive the session with the control server.
    if (facts.tunnel) return warning(`${offline}, but its tunnel stands`, lastSeenAt);
    return failed('peer_offline', offline, lastSeenAt);
  }
  const denial = latest(facts.trail.failures, hop, later(facts.trail.success, facts.streams.since));
  if (denial && isRecent(denial.at, facts.at)) return failed(denial.code, denial.message, denial.at);
  return ok(`${name} is online; its certificate is valid until ${certificate.until.toISOString()}`, since);
}

const outside = ({ days, from, to, timezone }: Schedule): string =>
  `outside its schedule, ${days.join(', ')} ${from}–${to} ${timezone}`;

/** What a try found; undefined where there was none. */
function outcome(tried: Tried | undefined, at: Date): Finding | undefined {
  if (!tried || !('trial' in tried)) return undefined;
  const { code, message, ms } = tried.trial;
  if (code) return failed(code, message, at);
  return ok(`${message} was reached in ${ms.toFixed(0)} ms`, at);
}

const untried = (tried: Tried | undefined): string => (tried && 'untried' in tried ? `; ${tried.untried}` : '');

/** The latest failure of a hop, unless something worked after it. */
const latest = (failures: readonly Failure[], hop: HopName, success: Date | null): Failure | undefined =>
  failures.find((failure) => failure.hop === hop && (!success || failure.at > success));

export const later = (a: Date | null, b: Date | null): Date | null => (a && b ? (a > b ? a : b) : (a ?? b));
