import { useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatRate } from '../model/format.js';
import { historyLength, type RatePoint } from '../model/rates.js';
import { history } from '../state/live.js';
import { theme } from '../state/theme.js';

const height = 172;

/** Throughput of all tunnels over the last minutes. */
export function Plot() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new UPlot(options(element), columns(history.peek()), element);
    };
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const unsubscribe = theme.subscribe(draw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', draw);
      unsubscribe();
      plot.current?.destroy();
    };
  }, []);
  useSignalEffect(() => plot.current?.setData(columns(history.value)));

  return <div class="plot" ref={box} role="img" aria-label="Throughput of the last five minutes, as a plot" />;
}

const columns = (points: readonly RatePoint[]): UPlot.AlignedData => [
  points.map(({ at }) => at),
  points.map(({ sending }) => sending),
  points.map(({ receiving }) => receiving),
];

function options(element: HTMLElement): UPlot.Options {
  const colour = colours(element);
  const axis = { stroke: colour('--ink-soft'), font: '12px ui-sans-serif, system-ui, sans-serif' };
  const grid = { stroke: colour('--line'), width: 1 };
  const line = (name: string, token: string) => ({
    label: name,
    stroke: colour(token),
    fill: `color-mix(in srgb, ${colour(token)} 14%, transparent)`,
    width: 1.6,
    points: { show: false },
  });
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      // A window of fixed length, so that the line moves and does not stretch.
      x: { range: (_, __, max) => [max - historyLength, max] },
      y: { range: (_, __, max) => [0, Math.max(max, 1250) * 1.1] },
    },
    series: [{}, line('sent', '--sending'), line('received', '--receiving')],
    axes: [
      { ...axis, grid: { show: false }, ticks: grid, space: 90, values: (_, ticks) => ticks.map(clockTime) },
      { ...axis, grid, ticks: { show: false }, size: 88, space: 40, values: (_, ticks) => ticks.map(formatRate) },
    ],
  };
}

const clockTime = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** Tokens as colours that a canvas understands: of a property, the browser tells the text; of a real one, the colour. */
function colours(element: HTMLElement): (token: string) => string {
  return (token) => {
    element.style.color = `var(${token})`;
    const { color } = getComputedStyle(element);
    element.style.color = '';
    return color;
  };
}
