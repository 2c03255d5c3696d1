import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why these tests cannot run here, or false. */
export const missing = ((): string | false => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'needs the openssl command, to make certificates';
  }
})();

export interface Certificate {
  key: string;
  cert: string;
}

/** A self-signed certificate, and so its own CA. `names` as in `IP:127.0.0.1` or `DNS:control.example`. */
export function selfSigned(names = 'IP:127.0.0.1'): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'netport-cli-'));
  try {
    const options = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'cert')];
    execFileSync('openssl', [...options, ...files, '-subj', '/CN=Netport test', '-addext', `subjectAltName=${names}`], {
      stdio: 'ignore',
    });
    return { key: readFileSync(join(folder, 'key'), 'utf8'), cert: readFileSync(join(folder, 'cert'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  token: string | undefined;
  body: unknown;
}

/** A status and a JSON value (or raw text) to answer with. */
export interface Reply {
  status?: number;
  json?: unknown;
  text?: string;
}

/** An HTTPS server that answers as a test tells it to, and keeps what it was asked. Undefined: it never answers. */
export async function controlDouble(certificate: Certificate, reply: (asked: Asked) => Reply | undefined) {
  const asked: Asked[] = [];
  const server = createServer(certificate, async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'https://double');
    let body = '';
    for await (const chunk of request) body += chunk;
    const one: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      token: request.headers.authorization?.replace('Bearer ', ''),
      body: body === '' ? undefined : JSON.parse(body),
    };
    asked.push(one);
    const answer = reply(one);
    if (!answer) return;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(answer.text ?? JSON.stringify(answer.json ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export const problem = (
  status: number,
  code: string,
  detail: string,
  errors?: { path: string; message: string }[],
): Reply => ({
  status,
  json: { type: 'about:blank', title: code, status, detail, code, ...(errors && { errors }) },
});
