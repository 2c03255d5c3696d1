import { useComputed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { formatCount, formatRate, formatRoundTrip } from '../model/format.js';
import { rateOf } from '../model/rates.js';
import { formatRoute } from '../model/route.js';
import { overview, rates } from '../state/live.js';
import { type Picture as Layout, labelSize, layOut, type PlacedPortal, type PlacedTunnel } from './layout.js';

/** Dots that move along this many tunnels are enough to see, and cost little. */
const flowsDrawn = 24;
/** On a thinner line they would look like dashes. */
const flowWidth = 2.5;
/** Rounder labels than this stand too close for the larger letters. */
const dense = 36;

/** The overlay as it is now: portals around, relays between, a line for each tunnel. */
export function Picture({ search }: { search: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>();
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const nodes = useComputed(() => overview.value);
  const { portals = [], relays = [] } = nodes.value ?? {};
  const tunnels = rates.value;
  const layout = size && layOut({ ...size, portals, relays, tunnels, search });
  return (
    <>
      <div class="picture" ref={box}>
        {layout && size && <Drawing layout={layout} {...size} />}
      </div>
      {layout && layout.hidden.portals > 0 && (
        <p class="picture-note">
          {formatCount(layout.hidden.portals)} more portals are not drawn: those with the busiest tunnels come first.
          Search to see others.
        </p>
      )}
    </>
  );
}

function Drawing({ layout, width, height }: { layout: Layout; width: number; height: number }) {
  const { portals, relays, tunnels } = layout;
  const first = Math.max(0, tunnels.length - flowsDrawn);
  // Screen readers get the tables below instead, which say the same in words.
  return (
    <svg viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      <title>Portals, relays and tunnels</title>
      {tunnels.map((placed, index) => (
        <Cable key={placed.tunnel.key} placed={placed} flowing={index >= first} />
      ))}
      {relays.map((relay) => (
        <a key={relay.name} href={formatRoute({ page: 'relays', name: relay.name })} tabIndex={-1}>
          <g class={`relay ${relay.online ? '' : 'offline'}`}>
            <rect x={relay.x - 17} y={relay.y - 13} width={34} height={26} rx={7} />
            <text x={relay.x} y={relay.y + 31}>
              {relay.name}
            </text>
          </g>
        </a>
      ))}
      {portals.map((portal) => (
        <PortalDot key={portal.name} portal={portal} small={portals.length > dense} />
      ))}
      {tunnels.map((placed) => (
        <Label key={placed.tunnel.key} placed={placed} />
      ))}
    </svg>
  );
}

function Cable({ placed: { tunnel, path, width, direction }, flowing }: { placed: PlacedTunnel; flowing: boolean }) {
  const busy = direction !== 'none';
  return (
    <g data-tunnel={`${tunnel.from} ${tunnel.to}`} data-rate={Math.round(rateOf(tunnel))}>
      <title>
        {`${tunnel.from} → ${tunnel.to} over ${tunnel.transport}, ${formatRate(rateOf(tunnel))}, round trip ${formatRoundTrip(tunnel.rttMs)}`}
      </title>
      <path class={`cable ${busy ? 'busy' : ''} ${tunnel.path}`} d={path} stroke-width={width} />
      {flowing && width >= flowWidth && <path class={`flow ${direction}`} d={path} />}
    </g>
  );
}

function PortalDot({ portal, small }: { portal: PlacedPortal; small: boolean }) {
  const { name, online, found, x, y, labelAt, turn, anchor, label } = portal;
  const style = ['portal', !online && 'offline', found && 'found', small && 'dense'].filter(Boolean).join(' ');
  return (
    <a href={formatRoute({ page: 'portals', name })} tabIndex={-1}>
      <g class={style}>
        <title>{`${name}, ${online ? 'online' : 'offline'}`}</title>
        <circle cx={x} cy={y} r={small ? 4.5 : 7} />
        <text
          x={labelAt.x}
          y={labelAt.y}
          text-anchor={anchor}
          dominant-baseline={turn === 0 ? 'auto' : 'central'}
          transform={
            turn === 0 ? undefined : `rotate(${turn.toFixed(1)} ${labelAt.x.toFixed(1)} ${labelAt.y.toFixed(1)})`
          }
        >
          {label}
        </text>
      </g>
    </a>
  );
}

function Label({ placed: { tunnel, label } }: { placed: PlacedTunnel }) {
  if (!label) return null;
  const rate = rateOf(tunnel);
  const { width, height } = labelSize;
  return (
    <g class="label" transform={`translate(${label.x.toFixed(1)} ${label.y.toFixed(1)})`}>
      <rect x={-width / 2} y={-height / 2} width={width} height={height} rx={height / 2} />
      <text y={4}>
        {rate > 0 ? formatRate(rate) : 'idle'}
        <tspan> · {formatRoundTrip(tunnel.rttMs)}</tspan>
      </text>
    </g>
  );
}
