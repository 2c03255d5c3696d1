import { limits, NetportError } from '@netport/protocol';
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  fetchUserInfo,
  None,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { GroupRoles } from './policy/oidc-role.js';

export interface OidcOptions {
  issuer: URL;
  clientId: string;
  /** Without, this is a public client: PKCE alone shows that one browser asks throughout. */
  clientSecret?: string | undefined;
  /** What to ask for, such as `openid groups`. */
  scopes: string;
  groupsClaim: string;
  roles: GroupRoles;
}

/** What a browser keeps while it is at the provider: it binds the answer to this browser and to this request. */
export interface PendingSignIn {
  state: string;
  nonce: string;
  verifier: string;
}

/** The only importer of openid-client: authorization code flow with PKCE, state and nonce. */
export class OidcClient {
  readonly options: OidcOptions;
  #configuration: Promise<Configuration> | undefined;

  constructor(options: OidcOptions) {
    this.options = options;
  }

  /** Where to send the browser. Throws `unavailable`. */
  async start(redirectUri: string): Promise<{ url: string; pending: PendingSignIn }> {
    const configuration = await this.#discovered();
    const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
    const url = buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUri,
      scope: this.options.scopes,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, pending };
  }

  /** Who came back, and the groups that the provider tells of. Throws `unauthenticated`, `forbidden` or `unavailable`. */
  async finish(url: URL, { state, nonce, verifier }: PendingSignIn): Promise<{ subject: string; groups: unknown }> {
    const configuration = await this.#discovered();
    try {
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
      const tokens = await authorizationCodeGrant(configuration, url, checks);
      const claims = tokens.claims();
      if (!claims) throw new NetportError('unauthenticated', 'the provider sent no ID token');
      const { groupsClaim } = this.options;
      const inToken = claims[groupsClaim];
      if (inToken !== undefined || !configuration.serverMetadata().userinfo_endpoint) {
        return { subject: claims.sub, groups: inToken };
      }
      const profile = await fetchUserInfo(configuration, tokens.access_token, claims.sub);
      return { subject: claims.sub, groups: profile[groupsClaim] };
    } catch (cause) {
      throw refusal(cause);
    }
  }

  /** Once it has answered, its endpoints are known; until then, each sign-in asks again. */
  #discovered(): Promise<Configuration> {
    const { issuer, clientId, clientSecret } = this.options;
    this.#configuration ??= discovery(
      issuer,
      clientId,
      undefined,
      clientSecret === undefined ? None() : ClientSecretPost(clientSecret),
      {
        timeout: limits.oidcTimeout / 1000,
        // Options have checked that it is this machine itself.
        execute: issuer.protocol === 'http:' ? [allowInsecureRequests] : [],
      },
    ).catch((cause) => {
      this.#configuration = undefined;
      throw new NetportError('unavailable', `the OpenID provider ${issuer.href} does not answer`, { cause });
    });
    return this.#configuration;
  }
}

function refusal(cause: unknown): NetportError {
  if (cause instanceof NetportError) return cause;
  if (cause instanceof AuthorizationResponseError) {
    return new NetportError('forbidden', 'the OpenID provider did not let this person in', { cause });
  }
  return new NetportError('unauthenticated', 'the answer of the OpenID provider is not good: sign in again', { cause });
}
