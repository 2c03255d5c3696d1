// OpenSSH -L: one process fewer on the way, since there is no relay hop.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@netport/test';
import { accepting, start } from './children.mjs';

export async function startOpenSsh(directory, targetPort) {
  const path = (name) => join(directory, name);
  const [port, sshPort] = [await freePort(), await freePort()];
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(name)]);
  copyFileSync(path('user.pub'), path('authorized_keys'));
  // sshd refuses to start without its privilege separation directory.
  mkdirSync('/run/sshd', { recursive: true });
  const config = `Port ${sshPort}
ListenAddress 127.0.0.1
HostKey ${path('host')}
AuthorizedKeysFile ${path('authorized_keys')}
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
`;
  writeFileSync(path('sshd_config'), config);
  const server = start('/usr/sbin/sshd', ['-D', '-e', '-f', path('sshd_config')]);
  await accepting(sshPort, 'sshd');
  const options = ['StrictHostKeyChecking=no', `UserKnownHostsFile=${path('known')}`, 'Ciphers=aes128-gcm@openssh.com'];
  const client = start('ssh', [
    ...['-F', 'none', '-N', '-i', path('user'), '-p', String(sshPort)],
    ...options.flatMap((option) => ['-o', option]),
    ...['-L', `127.0.0.1:${port}:127.0.0.1:${targetPort}`, `${userInfo().username}@127.0.0.1`],
  ]);
  await accepting(port, 'ssh -L').catch((error) => {
    throw new Error(`${error.message}: ${client.errors}`);
  });
  return {
    port,
    stop: async () => {
      await client.stop();
      await server.stop();
    },
  };
}
