import type { PortalStatus } from './portal.js';

/** What `netport-portal status` prints for people. */
export function formatStatus(status: PortalStatus): string {
  const { control, listeners, targets, tunnels } = status;
  const lines = [
    `identity      ${status.id}`,
    `certificate   expires ${status.certificateExpiresAt}`,
    `control       ${control.online ? 'online' : 'offline'} since ${control.since}, ${control.url}`,
    `policy        ${status.policyVersion === null ? 'none yet' : `version ${status.policyVersion}`}`,
    ...listeners.map(({ pair, address, state, error }) => {
      const why = error ? `: ${error.message} (${error.code})` : '';
      return `listener      ${address}  ${pair}  ${state}${why}`;
    }),
    ...targets.map(({ pair, address, peer }) => `target        ${address}  ${pair}  for ${peer}`),
    ...tunnels.map(({ peer, role, transport, relay, streams, rttMs, reason }) => {
      const rtt = rttMs === undefined ? '' : `, ${rttMs.toFixed(1)} ms`;
      const why = reason === undefined ? '' : `: ${reason}`;
      return `tunnel        ${peer}  ${role} over ${relay}, ${transport}, ${streams} streams${rtt}${why}`;
    }),
    `streams       ${status.streams}`,
  ];
  return `${lines.join('\n')}\n`;
}
