import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

interface Client {
  redirectUri: string;
  /** Without, it is a public client. */
  secret?: string;
}

/** A real OpenID provider on this machine, whose people have groups, and whose passwords are all right. */
export class OpenIdProvider {
  readonly clientId = 'netport';
  readonly scopes = 'openid groups';
  readonly groupsClaim = 'groups';
  private handler: RequestListener = (_request, response) => void response.writeHead(503).end();

  private constructor(
    private readonly server: Server,
    readonly issuer: URL,
    private readonly groups: Readonly<Record<string, readonly string[]>>,
  ) {
    server.on('request', (request, response) => this.handler(request, response));
  }

  /** It answers 503 until it is opened. */
  static async start(groups: Readonly<Record<string, readonly string[]>>, host = '127.0.0.1'): Promise<OpenIdProvider> {
    const server = createServer();
    await once(server.listen(0, host), 'listening');
    return new OpenIdProvider(server, new URL(`http://${host}:${(server.address() as AddressInfo).port}`), groups);
  }

  open({ redirectUri, secret }: Client): void {
    const client = {
      client_id: this.clientId,
      redirect_uris: [redirectUri],
      ...(secret === undefined
        ? { token_endpoint_auth_method: 'none' as const }
        : { token_endpoint_auth_method: 'client_secret_post' as const, client_secret: secret }),
    };
    const provider = new Provider(this.issuer.href, {
      clients: [client],
      claims: { openid: ['sub'], groups: [this.groupsClaim] },
      pkce: { required: () => true },
      findAccount: (_context, id) => ({
        accountId: id,
        claims: () => ({ sub: id, [this.groupsClaim]: this.groups[id] ?? [] }),
      }),
    });
    this.handler = provider.callback();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
