import {
  type AuditEventView,
  type LiveEvent,
  type LiveList,
  limits,
  liveEndpoint,
  liveLists,
  type Overview,
  type Traffic,
} from '@netport/protocol';
import { batch, signal } from '@preact/signals';
import { backOff } from '../model/back-off.js';
import { type RatePoint, type TunnelRate, tunnelRates, withPoint } from '../model/rates.js';
import { loadSession } from './session.js';

/** What the server tells by itself. Nothing here is asked for a second time. */

export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');
export const overview = signal<Overview | undefined>(undefined);
export const traffic = signal<Traffic | undefined>(undefined);
export const rates = signal<readonly TunnelRate[]>([]);
export const history = signal<readonly RatePoint[]>([]);
/** The newest audit events, newest first. */
export const events = signal<readonly AuditEventView[]>([]);

type Listener = (what: LiveList) => void;
const listeners = new Set<Listener>();

/** Calls back for each list that has to be read again, until the function that is returned is called. */
export function onChanged(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const eventsKept = 200;

function take({ event, data }: LiveEvent): void {
  switch (event) {
    case 'overview':
      overview.value = data;
      return;
    case 'traffic':
      batch(() => {
        rates.value = tunnelRates(traffic.value, data);
        traffic.value = data;
        history.value = withPoint(history.value, data.at, rates.value);
      });
      return;
    case 'changed':
      for (const what of data.what) for (const listener of listeners) listener(what);
      return;
    case 'audit':
      events.value = [data, ...events.value].slice(0, eventsKept);
      for (const listener of listeners) listener('audit');
  }
}

/** Watches until the function that is returned is called; a connection that breaks is built again. */
export function watch(): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let stopped = false;

  const connect = (): void => {
    if (stopped) return;
    source = new EventSource(`/api/v1${liveEndpoint.path}`);
    source.onopen = () => {
      const missed = connection.value === 'lost';
      connection.value = 'live';
      attempt = 0;
      if (missed) for (const what of liveLists) for (const listener of listeners) listener(what);
    };
    for (const event of ['overview', 'traffic', 'changed', 'audit'] as const) {
      source.addEventListener(event, ({ data }) => take({ event, data: JSON.parse(data) } as LiveEvent));
    }
    source.onerror = () => {
      connection.value = 'lost';
      // The browser tries again by itself only where it got no answer at all, and at its own pace.
      source.close();
      timer = setTimeout(again, backOff(attempt, limits, Math.random()));
      attempt += 1;
    };
  };
  const again = (): void => {
    // A refused stream tells no reason: whether the session ended is asked for.
    loadSession().then(connect, connect);
  };

  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    source.close();
    batch(() => {
      connection.value = 'connecting';
      overview.value = undefined;
      traffic.value = undefined;
      rates.value = [];
      history.value = [];
      events.value = [];
    });
  };
}
