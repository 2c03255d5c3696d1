import { NetportError } from '@netport/protocol';
import { beyondGiver, type Rights } from '../policy/roles.js';
import type { Principal } from './context.js';

/** Nobody gives others more than he has: scopes would be worth nothing where they let make a token without. Throws `forbidden`. */
export function refuseBeyondGiver(giver: Principal, given: Rights): void {
  const [first, ...others] = beyondGiver(giver, given);
  if (first === undefined) return;
  const more = others.length > 0 ? ` and ${others.length} more` : '';
  throw new NetportError('forbidden', `${giver.name} would give what it does not have: ${first}${more}`);
}
