import { type CertificateSummary, endpoints } from '@netport/protocol';
import { Badge } from '../parts/badge.js';
import { Empty } from '../parts/note.js';
import { Page } from '../parts/page.js';
import { type Column, ListTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { now } from '../state/clock.js';
import { useList } from '../state/list.js';
import { DeviceAuthorities } from './device-authorities.js';
import { RootAuthority } from './root-authority.js';

function State({ certificate: { notAfter, revokedAt } }: { certificate: CertificateSummary }) {
  if (revokedAt) return <Badge tone="bad">revoked</Badge>;
  return Date.parse(notAfter) < now.value ? <Badge tone="off">expired</Badge> : <Badge tone="ok">valid</Badge>;
}

const columns: Column<CertificateSummary>[] = [
  { title: 'Identity', cell: ({ subject }) => <span class="mono">{subject}</span> },
  { title: 'State', cell: (certificate) => <State certificate={certificate} /> },
  { title: 'Issued', kind: 'hard', cell: ({ notBefore }) => <Time at={notBefore} /> },
  { title: 'Expires', kind: 'hard', cell: ({ notAfter }) => <Time at={notAfter} /> },
  { title: 'Revoked', kind: 'hard', cell: ({ revokedAt }) => <Time at={revokedAt} /> },
  { title: 'Serial', cell: ({ serial }) => <span class="mono small">{serial}</span> },
];

export function CertificatesPage() {
  const list = useList(endpoints.certificate.list, { on: ['certificates'] });
  return (
    <Page
      title="Certificates"
      about="Identities that the control server issued. Portals and relays renew theirs by themselves long before they expire."
    >
      <RootAuthority />
      <DeviceAuthorities />
      <ListTable
        caption="Certificates"
        list={list}
        columns={columns}
        keyOf={({ serial }) => serial}
        empty={
          <Empty title="No certificate yet">
            <p>The first portal that enrols gets the first.</p>
          </Empty>
        }
      />
    </Page>
  );
}
