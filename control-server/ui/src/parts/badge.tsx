import type { Labels as LabelMap, PairView, TokenView } from '@netport/protocol';

type Tone = 'ok' | 'warn' | 'bad' | 'off';

export function Badge({ tone, children, title }: { tone: Tone; children: string; title?: string | undefined }) {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

export const Presence = ({ online }: { online: boolean }) => (
  <Badge tone={online ? 'ok' : 'off'}>{online ? 'online' : 'offline'}</Badge>
);

const pairTones = {
  active: 'ok',
  listener_failed: 'bad',
  peer_offline: 'warn',
  disabled: 'off',
  expired: 'off',
} as const satisfies Partial<Record<PairView['state'], Tone>>;

export const PairState = ({ state }: { state: PairView['state'] }) => (
  <Badge tone={pairTones[state]}>{state.replaceAll('_', ' ')}</Badge>
);

const tokenTones = { open: 'ok', used: 'off', expired: 'off' } as const satisfies Record<TokenView['state'], Tone>;

export const TokenState = ({ state }: { state: TokenView['state'] }) => <Badge tone={tokenTones[state]}>{state}</Badge>;

export function Labels({ labels, none = '' }: { labels: LabelMap; none?: string }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <>{none}</>;
  return (
    <>
      {entries.map(([key, value]) => (
        <span key={key} class="tag">
          {key}={value}
        </span>
      ))}
    </>
  );
}
