import { auditView } from '../state/audit.js';
import type { ChainedEvent } from '../store/store.js';
import { lookupOf } from './chain.js';

/** Log audit, RFC 5424 §6.2.1. */
const facility = 13;
const severity = { warning: 4, informational: 6 } as const;
/** The enterprise number that examples use (RFC 5612): Netport has none of its own. */
const elementName = 'netport@32473';

/**
 * Pure: one RFC 5424 message. What receivers sort by is structured data; the message itself is the whole event as JSON, in
 * ASCII, because UTF-8 would need a byte order mark before it (§6.4), which no JSON parser takes.
 */
export function syslogMessage(event: ChainedEvent, hostname: string): string {
  const { id, at, actor, origin, action, subject, code, hash } = event;
  const priority = facility * 8 + (code === null ? severity.informational : severity.warning);
  const parameters = Object.entries({ id: String(id), actor, origin, subject, code, ...lookupOf(event), hash })
    .flatMap(([name, value]) => (value === null ? [] : [` ${name}="${parameterValue(value)}"`]))
    .join('');
  const header = [
    ...[`<${priority}>1`, at.toISOString(), printable(hostname, 255)],
    ...['netport-control', '-', printable(action, 32)],
  ];
  return `${header.join(' ')} [${elementName}${parameters}] ${asciiJson(auditView(event))}`;
}

/** RFC 5424 §6: PRINTUSASCII, no longer than the field may be. */
const printable = (text: string, length: number): string => text.replace(/[^!-~]/g, '?').slice(0, length) || '-';

/** §6.3.3; a line break would be for receivers to trip over (§8.2). */
const parameterValue = (text: string): string => text.replace(/\p{Cc}/gu, '?').replace(/["\\\]]/g, '\\$&');

const asciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
