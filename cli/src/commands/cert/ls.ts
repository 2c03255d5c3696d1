import { type CertificateSummary, endpoints } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../../cli.js';
import { relativeTime } from '../../output/human.js';
import type { Column } from '../../output/table.js';

export function certLs(group: Command, cli: Cli): void {
  const command = group
    .command('ls')
    .description('list the certificates that were issued')
    .action(async (options: JsonOption) => {
      const certificates = await (await connect(cli)).list(endpoints.certificate.list);
      const empty = 'No certificates yet. A portal or relay gets one when it enrols: netport portal add NAME';
      printList(cli, certificates, certificateColumns(cli.now()), { ...options, empty });
    });
  withExample(withJson(command), 'netport cert ls');
}

const certificateColumns = (now: number): Column<CertificateSummary>[] => [
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
