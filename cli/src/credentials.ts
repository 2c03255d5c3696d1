import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { NetportError } from '@netport/protocol';
import type { Cli } from './cli.js';

/** Where the control server is, whom to believe that it is it, and who we are. */
export interface Credentials {
  /** `https://host:port` */
  url: string;
  /** The root CA as PEM: its text, so that the file may go away after login. */
  ca: string;
  token: string;
}

type Environment = Cli['env'];

export const credentialsPath = (env: Environment): string =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'netport', 'credentials.json');

/** NETPORT_URL, NETPORT_CA and NETPORT_TOKEN, each before what login stored. Throws `unauthenticated` when one is missing. */
export async function loadCredentials(env: Environment): Promise<Credentials> {
  const given = await environmentCredentials(env);
  const { url, ca, token } = isComplete(given) ? given : { ...(await storedCredentials(env)), ...given };
  if (url === undefined || ca === undefined || token === undefined) {
    throw new NetportError('unauthenticated', 'not logged in');
  }
  return { url: parseServerUrl(url), ca, token: checkToken(token) };
}

const isComplete = (given: Partial<Credentials>): given is Credentials =>
  given.url !== undefined && given.ca !== undefined && given.token !== undefined;

async function environmentCredentials(env: Environment): Promise<Partial<Credentials>> {
  return {
    ...(env.NETPORT_URL && { url: env.NETPORT_URL }),
    ...(env.NETPORT_CA && { ca: await readCa(env.NETPORT_CA) }),
    ...(env.NETPORT_TOKEN && { token: env.NETPORT_TOKEN }),
  };
}

async function storedCredentials(env: Environment): Promise<Partial<Credentials>> {
  const path = credentialsPath(env);
  let stored: unknown;
  try {
    stored = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new NetportError('unauthenticated', `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const fields = Object.entries(stored ?? {}).filter(([, value]) => typeof value === 'string');
  return Object.fromEntries(fields);
}

/** Replaces what is stored, readable for this user only. Returns where it is. */
export async function storeCredentials(env: Environment, credentials: Partial<Credentials>): Promise<string> {
  const path = credentialsPath(env);
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (cause) {
    throw new NetportError('permission_denied', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
  return path;
}

/** Puts other roots into what login stored. Returns where that is. */
export const storeCa = async (env: Environment, ca: string): Promise<string> =>
  storeCredentials(env, { ...(await storedCredentials(env)), ca });

/** The PEM text of a CA file. Throws `invalid_request` when it is no certificate. */
export async function readCa(path: string): Promise<string> {
  try {
    const pem = await readFile(path, 'utf8');
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new NetportError(
      'invalid_request',
      `the CA file ${path}: ${why}. Copy root.pem from the data directory of the control server`,
      { cause },
    );
  }
}

/** The origin of an https URL. Throws `invalid_request`. */
export function parseServerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username || url.password) {
    throw new NetportError(
      'invalid_request',
      `"${text}" is not the URL of a control server, such as https://control.example:8443`,
    );
  }
  return url.origin;
}

/** The token as it goes into a header. Throws `invalid_request`, without repeating it. */
export function checkToken(text: string): string {
  const token = text.trim();
  if (token.startsWith('npj1_')) {
    throw new NetportError(
      'invalid_request',
      'this is a join token, for a portal or relay; an admin token starts with npa_',
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new NetportError('invalid_request', 'this is no admin token: it starts with npa_');
  return token;
}
