import { type AuditEventView, type ChainBreak, ChainCheck, canonicalEvent } from '@netport/protocol';

/**
 * What is wrong with a page of the audit trail, newest event first, as this browser finds by itself. Of a filtered page
 * only the content of each event can be checked: what stood between them is not there.
 */
export async function chainBreaks(events: readonly AuditEventView[], filtered: boolean): Promise<ChainBreak[]> {
  const oldestFirst = [...events].reverse();
  // Browsers hash asynchronously, and the check is not: the hashes are made first.
  const hashes = new Map<string, string>();
  for (const event of oldestFirst) {
    const text = canonicalEvent(event);
    hashes.set(text, await sha256(text));
  }
  const check = () => new ChainCheck((text) => hashes.get(text) ?? '');
  const whole = check();
  return oldestFirst.flatMap((event) => (filtered ? check() : whole).next(event) ?? []);
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
