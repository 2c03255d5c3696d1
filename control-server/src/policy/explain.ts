import { type Cause, type Explanation, errorTable, type Hop, type HopName, hopNames } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import type { ExplainFacts } from './explain-facts.js';
import { hopFindings, later } from './explain-hops.js';
import { isRecent } from './explain-trail.js';

/** What fails because something else did comes after that: a closed listener after the pair, a portal before what it does. */
const causalOrder: readonly HopName[] = ['pair', 'portal', 'listener', 'peer', 'relay', 'tunnel', 'target'];

/** Why a connection works, is denied or fails. */
export function explain(facts: ExplainFacts): Explanation {
  const { at, question, match } = facts;
  const hops = hopNames.map((hop): Hop => ({ hop, ...hopFindings[hop](facts) }));
  const cause = firstCause(hops, match.pair);
  return {
    at: at.toISOString(),
    question,
    verdict: verdictOf(facts, hops, cause),
    cause,
    pair: match.pair?.name ?? null,
    nearest: match.nearest,
    hops,
  };
}

function firstCause(hops: readonly Hop[], pair: PairRecord | undefined): Cause | null {
  for (const name of causalOrder) {
    const hop = hops.find((one) => one.hop === name);
    if (hop?.state !== 'failed' || !hop.code) continue;
    return { code: hop.code, message: hop.message, help: helpFor(hop, pair) };
  }
  return null;
}

/** The code's own help, but for what can be said more exactly here. */
function helpFor({ hop, code }: Hop, pair: PairRecord | undefined): string {
  if (code === null) return '';
  if (hop !== 'pair') return errorTable[code].help;
  if (!pair) return 'Connect to where an access pair listens, or grant one: netport pair add.';
  return pair.enabled ? errorTable[code].help : `Enable it: netport pair enable ${pair.name}.`;
}

const denials: ReadonlySet<string> = new Set([
  ...['policy_denied', 'pair_expired', 'cert_missing', 'cert_untrusted', 'cert_expired', 'cert_not_yet_valid'],
  ...['cert_revoked', 'cert_wrong_usage', 'cert_wrong_name'],
]);

function verdictOf({ at, trail, streams }: ExplainFacts, hops: readonly Hop[], cause: Cause | null) {
  if (cause) return denials.has(cause.code) ? 'denied' : 'broken';
  const isOk = (name: HopName): boolean => hops.some(({ hop, state }) => hop === name && state === 'ok');
  const success = later(trail.success, streams.since);
  const carried = isOk('tunnel') || (success !== null && isRecent(success, at));
  return isOk('target') && carried ? 'works' : 'unknown';
}
