import { limits, NetportError, parseDuration } from '@netport/protocol';
import { argument, environmentOption } from '@netport/runtime';
import type { Command } from 'commander';
import type { SinkSettings } from './sinks.js';
import { parseSyslogUrl } from './syslog-delivery.js';
import { parseWebhookUrl } from './webhook-delivery.js';

export interface AuditOptions extends SinkSettings {
  auditRetention?: number;
}

function parseRetention(text: string): number {
  const retention = parseDuration(text);
  if (retention >= limits.auditRetentionMin) return retention;
  throw new NetportError('invalid_request', 'audit events are kept for one day (1d) at least');
}

/** How long audit events stay, and where they go. */
export const addAuditOptions = (command: Command): Command =>
  command
    .addOption(
      environmentOption(
        '--audit-retention <duration>',
        'how long audit events are kept, such as 90d; for ever by default',
      ).argParser(argument(parseRetention)),
    )
    .addOption(
      environmentOption(
        '--audit-syslog <url>',
        'send audit events there (RFC 5424): udp|tcp|tls://HOST[:PORT]',
      ).argParser(argument(parseSyslogUrl)),
    )
    .addOption(
      environmentOption('--audit-webhook <url>', 'post audit events there, as JSON: https://…').argParser(
        argument(parseWebhookUrl),
      ),
    )
    .addOption(environmentOption('--audit-webhook-secret <file>', 'sign what is posted with this key (HMAC-SHA256)'))
    .addOption(
      environmentOption('--audit-ca <file>', 'check these receivers against this CA (PEM) instead of the system’s'),
    );
