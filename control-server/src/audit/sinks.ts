import { readFile } from 'node:fs/promises';
import { NetportError } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type { Metrics } from '../metrics.js';
import type { StateContext } from '../state/context.js';
import type { SinkName } from '../store/store.js';
import { type Deliver, type Sink, startSink } from './sink.js';
import { type SyslogReceiver, syslogDelivery } from './syslog-delivery.js';
import { webhookDelivery } from './webhook-delivery.js';

/** Where audit events go besides the database. */
export interface SinkSettings {
  auditSyslog?: SyslogReceiver;
  auditWebhook?: URL;
  /** File with the key that webhook batches are signed with. */
  auditWebhookSecret?: string;
  /** PEM file: the authorities that receivers are checked against, instead of the system's. */
  auditCa?: string;
}

export interface SinkParts {
  context: StateContext;
  /** This server's name, in syslog messages. */
  hostname: string;
  metrics: Metrics;
  log: Logger;
}

const secretCharactersMin = 16;

/** Starts the sinks that are asked for, and answers what stops them. Throws `invalid_request` for a file that is not right. */
export async function startSinks(
  { auditSyslog, auditWebhook, auditWebhookSecret, auditCa }: SinkSettings,
  { context, hostname, metrics, log }: SinkParts,
): Promise<() => Promise<void>> {
  const authorities = auditCa === undefined ? undefined : await read('CA certificates', auditCa);
  const secret = auditWebhookSecret === undefined ? undefined : await readSecret(auditWebhookSecret);
  const sinks = new Map<SinkName, Sink>();
  const start = (name: SinkName, deliver: Deliver): void => {
    // It is there from the start, so that an alert sees the first one.
    metrics.sinkFailures.inc({ sink: name }, 0);
    const onFailure = () => metrics.sinkFailures.inc({ sink: name });
    sinks.set(name, startSink({ context, name, deliver, onFailure, random: Math.random, log }));
  };
  if (auditSyslog) start('syslog', syslogDelivery(auditSyslog, hostname, authorities));
  if (auditWebhook) start('webhook', webhookDelivery(auditWebhook, { secret, ca: authorities }));
  metrics.observeSinks(sinks);
  return async () => {
    await Promise.all([...sinks.values()].map((sink) => sink.stop()));
  };
}

async function readSecret(path: string): Promise<string> {
  const secret = (await read('secret of the webhook', path)).trim();
  if (secret.length >= secretCharactersMin) return secret;
  throw new NetportError('invalid_request', `the secret in ${path} is shorter than ${secretCharactersMin} characters`);
}

async function read(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new NetportError('invalid_request', `cannot read the ${what}: ${(cause as Error).message}`, { cause });
  }
}
