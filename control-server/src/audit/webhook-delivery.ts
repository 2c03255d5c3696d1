import { createHmac } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { NetportError } from '@netport/protocol';
import { auditView } from '../state/audit.js';
import type { Deliver } from './sink.js';

export interface WebhookOptions {
  /** The key of the signature; there is none without it. */
  secret?: string | undefined;
  /** Instead of the system's authorities. */
  ca?: string | undefined;
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** `https://…`; without TLS only on this machine. Throws `invalid_request`. */
export function parseWebhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && loopback.has(url.hostname))) return url;
  throw new NetportError('invalid_request', `"${text}" is not https://… (http:// only to this machine itself)`);
}

/** Posts events as JSON; whatever is not answered with 2xx is to be sent again. */
export function webhookDelivery(url: URL, { secret, ca }: WebhookOptions): Deliver {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return (events, signal) => {
    const body = Buffer.from(JSON.stringify({ events: events.map(auditView) }));
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': 'netport-control',
      ...(secret !== undefined && { 'netport-signature': signature(secret, body) }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request(url, { method: 'POST', headers, signal, agent: false, ...(ca !== undefined && { ca }) });
      outgoing.on('error', reject);
      outgoing.on('response', ({ statusCode = 0 }) => {
        // Nothing that it may say besides is of interest, and it may have no end.
        outgoing.destroy();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new NetportError('unavailable', `the receiver answered with status ${statusCode}`));
      });
      outgoing.end(body);
    });
  };
}

/** What a receiver that knows the secret computes over the body as it came. */
export const signature = (secret: string, body: Buffer): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
