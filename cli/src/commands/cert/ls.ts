import { type CertificateSummary, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';
import { addListing } from '../common.js';

export const certLs = (group: Command, cli: Cli): void =>
  addListing(group, cli, {
    description: 'list the certificates that were issued',
    endpoint: endpoints.certificate.list,
    columns,
    empty: 'No certificates yet. A portal or relay gets one when it enrols: netport portal add NAME',
    examples: ['netport cert ls'],
  });

const columns = (now: number): Column<CertificateSummary>[] => [
  { title: 'SUBJECT', value: ({ subject }) => subject },
  { title: 'SERIAL', value: ({ serial }) => serial },
  { title: 'STATE', value: (certificate) => certificateState(certificate, now) },
  { title: 'VALID SINCE', value: ({ notBefore }) => relativeTime(notBefore, now) },
  { title: 'VALID UNTIL', value: ({ notAfter }) => relativeTime(notAfter, now) },
];

function certificateState({ revokedAt, notAfter }: CertificateSummary, now: number): string {
  if (revokedAt !== undefined) return `revoked ${relativeTime(revokedAt, now)}`;
  return Date.parse(notAfter) <= now ? 'expired' : 'valid';
}
