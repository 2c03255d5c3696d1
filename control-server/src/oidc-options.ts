import { readFile } from 'node:fs/promises';
import { NetportError } from '@netport/protocol';
import { argument, environmentOption } from '@netport/runtime';
import type { Command } from 'commander';
import type { OidcOptions } from './oidc.js';
import { type GroupRoles, parseGroupRoles } from './policy/oidc-role.js';

const groupRoles = argument(parseGroupRoles);

/** As commander hands them over. */
export interface OidcFlags {
  oidcIssuer?: string;
  oidcClientId?: string;
  oidcClientSecretFile?: string;
  oidcScopes: string;
  oidcGroupsClaim: string;
  oidcRole?: GroupRoles;
}

export const addOidcOptions = (command: Command): Command =>
  command
    .addOption(environmentOption('--oidc-issuer <url>', 'let people sign in with this OpenID Connect provider'))
    .addOption(environmentOption('--oidc-client-id <id>', 'what the provider calls this control server'))
    .addOption(environmentOption('--oidc-client-secret-file <file>', 'its secret there; none for a public client'))
    .addOption(environmentOption('--oidc-scopes <scopes>', 'what to ask for').default('openid'))
    .addOption(environmentOption('--oidc-groups-claim <name>', 'the claim that lists the groups').default('groups'))
    .addOption(
      environmentOption(
        '--oidc-role <group=role>',
        'the role that a group gives; again, or after a ; for more',
      ).argParser((text: string, before?: GroupRoles): GroupRoles => new Map([...(before ?? []), ...groupRoles(text)])),
    );

const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** The provider, if there is to be one. Throws `invalid_request` that names the flag. */
export async function readOidcOptions(flags: OidcFlags): Promise<OidcOptions | undefined> {
  const { oidcIssuer, oidcClientId, oidcClientSecretFile, oidcRole, oidcScopes, oidcGroupsClaim } = flags;
  if (oidcIssuer === undefined) return undefined;
  const issuer = URL.canParse(oidcIssuer) ? new URL(oidcIssuer) : undefined;
  if (!issuer || !(issuer.protocol === 'https:' || (issuer.protocol === 'http:' && loopback.has(issuer.hostname)))) {
    throw invalid(`--oidc-issuer ${oidcIssuer} is no https URL`);
  }
  if (oidcClientId === undefined) throw invalid('--oidc-issuer needs --oidc-client-id');
  if (!oidcRole) throw invalid('--oidc-issuer needs --oidc-role GROUP=ROLE: nobody could sign in');
  const clientSecret = oidcClientSecretFile === undefined ? undefined : await readSecret(oidcClientSecretFile);
  return {
    ...{ issuer, clientId: oidcClientId, clientSecret },
    ...{ scopes: oidcScopes, groupsClaim: oidcGroupsClaim, roles: oidcRole },
  };
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new NetportError('invalid_request', `--oidc-client-secret-file: ${(cause as Error).message}`, { cause });
  }
}

const invalid = (message: string): NetportError => new NetportError('invalid_request', message);
