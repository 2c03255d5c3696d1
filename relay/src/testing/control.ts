import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, generateKeyPem, openAuthority, publicKeyOf } from '@netport/pki';
import {
  controlSubprotocol,
  decodeMessage,
  formatSpiffeId,
  type IdentityKind,
  nameSchema,
  type RelayCommand,
  type RelayMessage,
  relayMessageSchema,
  trustDomainSchema,
} from '@netport/protocol';
import { openDataDirectory, saveIdentity } from '@netport/runtime';
import { type WebSocket, WebSocketServer } from 'ws';
import { waitFor } from './sockets.js';

const trustDomain = trustDomainSchema.parse('test.example');

/** A control server as far as a relay can tell: its PKI and its control channel, with nothing decided behind. */
export async function startControl() {
  const now = new Date();
  const material = await createAuthority({ trustDomain, now });
  const authority = await openAuthority(material);
  const issue = async (kind: IdentityKind, name: string) => {
    const keyPem = generateKeyPem();
    const id = formatSpiffeId({ trustDomain, kind, name: nameSchema.parse(name) });
    const names = kind === 'control' ? ['127.0.0.1'] : [];
    return { keyPem, ...(await authority.issue({ id, publicKey: publicKeyOf(keyPem), now, names })) };
  };
  const { keyPem, chainPem, serial } = await issue('control', 'main');
  const tls = { key: keyPem, cert: chainPem, ca: authority.rootPem, requestCert: true, rejectUnauthorized: true };

  const messages: RelayMessage[] = [];
  let socket: WebSocket | undefined;
  let port = 0;
  let stop = async () => {};

  async function start(): Promise<void> {
    const server = createServer(tls);
    const channel = new WebSocketServer({ server, path: '/control', handleProtocols: () => controlSubprotocol });
    channel.on('connection', (connection) => {
      socket = connection;
      connection.on('message', (data) => {
        const message = decodeMessage(relayMessageSchema, data.toString());
        messages.push(message);
        if (message.type === 'hello') send({ type: 'welcome', time: new Date().toISOString() });
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
    stop = async () => {
      for (const client of channel.clients) client.terminate();
      channel.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
  }
  const send = (message: RelayCommand) => socket?.send(JSON.stringify(message));

  await start();
  return {
    authority,
    /** The serial of its own certificate. */
    serial,
    messages,
    send,
    start,
    stop: () => stop(),
    /** The first message of a type that came so far or will come; it is taken out of `messages`. */
    take: async <Type extends RelayMessage['type']>(type: Type): Promise<Extract<RelayMessage, { type: Type }>> => {
      const isWanted = (message: RelayMessage): message is Extract<RelayMessage, { type: Type }> =>
        message.type === type;
      await waitFor(() => messages.some(isWanted));
      const found = messages.find(isWanted);
      if (!found) throw new Error('unreachable');
      messages.splice(messages.indexOf(found), 1);
      return found;
    },
    /** Gives a data directory the identity that enrolment would give it. */
    enrolInto: async (data: string, name: string, kind: 'relay' | 'portal' = 'relay') => {
      const directory = await openDataDirectory(data);
      const member = await issue(kind, name);
      await saveIdentity(directory, {
        keyPem: member.keyPem,
        chainPem: member.chainPem,
        rootPem: authority.rootPem,
        issuersPem: '',
        controlUrl: `https://127.0.0.1:${port}`,
      });
      await directory.close();
    },
  };
}
export type TestControl = Awaited<ReturnType<typeof startControl>>;
