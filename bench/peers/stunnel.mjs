// stunnel → haproxy (splice) → stunnel: the same shape as portal → relay → portal, in C, with the same TLS.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, generateKeyPem, openAuthority, publicKeyOf } from '@netport/pki';
import { freePort } from '@netport/test';
import { accepting, start } from './children.mjs';
import { splicing } from './haproxy.mjs';

export async function startStunnel(directory, targetPort) {
  const file = (name, content) => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  const now = new Date();
  const material = await createAuthority({ trustDomain: 'bench.internal', now });
  const authority = await openAuthority(material);
  const keyPem = generateKeyPem();
  const id = 'spiffe://bench.internal/portal/bench';
  const { chainPem } = await authority.issue({ id, publicKey: publicKeyOf(keyPem), now });
  const tls = `
cert = ${file('chain.pem', chainPem)}
key = ${file('key.pem', keyPem)}
CAfile = ${file('root.pem', material.rootPem)}
verifyChain = yes
sslVersionMin = TLSv1.3
ciphersuites = TLS_AES_128_GCM_SHA256
`;
  const [port, relayPort, serverPort] = [await freePort(), await freePort(), await freePort()];
  const common = `foreground = yes
debug = err
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
`;
  const haproxy = splicing(`127.0.0.1:${relayPort}`, `127.0.0.1:${serverPort}`);
  const server = `${common}[b]
accept = 127.0.0.1:${serverPort}
connect = 127.0.0.1:${targetPort}
requireCert = yes
${tls}`;
  const client = `${common}[a]
client = yes
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${relayPort}
${tls}`;
  const programs = [
    start('stunnel', [file('server.conf', server)]),
    start('haproxy', ['-db', '-f', file('haproxy.cfg', haproxy)]),
    start('stunnel', [file('client.conf', client)]),
  ];
  await accepting(port, 'stunnel');
  return { port, stop: () => Promise.all(programs.map((program) => program.stop())) };
}
