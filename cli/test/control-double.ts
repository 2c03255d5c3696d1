import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** As a root of a trust domain is called. */
const rootName = (generation: number, trustDomain: string): string =>
  `/CN=Netport root CA${generation > 1 ? ` G${generation}` : ''}/O=${trustDomain}`;

/** A self-signed certificate, and so its own CA. `names` as in `IP:127.0.0.1` or `DNS:control.example`. */
export function selfSigned(names = 'IP:127.0.0.1', generation = 1, trustDomain = 'netport.test'): Certificate {
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
    execFileSync(
      'openssl',
      [...options, ...files, '-subj', rootName(generation, trustDomain), '-addext', `subjectAltName=${names}`],
      {
        stdio: 'ignore',
      },
    );
    return { key: readFileSync(join(folder, 'key'), 'utf8'), cert: readFileSync(join(folder, 'cert'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The key of `next`, a root of the second generation, certified by `root`. */
export function linkOf(root: Certificate, next: Certificate): string {
  const folder = mkdtempSync(join(tmpdir(), 'netport-cli-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    const request = ['req', '-new', '-key', file('next-key', next.key), '-subj', rootName(2, 'netport.test')];
    const csr = file(
      'csr',
      execFileSync('openssl', request, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
    const signer = ['-CA', file('root', root.cert), '-CAkey', file('root-key', root.key), '-set_serial', '7'];
    const profile = ['-days', '2', '-extfile', file('profile', 'basicConstraints=critical,CA:TRUE')];
    return execFileSync('openssl', ['x509', '-req', '-in', csr, ...signer, ...profile], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
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
    /** The certificate that connections from now on see. */
    present: (other: Certificate) => server.setSecureContext(other),
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
