import {
  addressKind,
  type Endpoint,
  labelsSchema,
  limits,
  type Name,
  NetportError,
  nameSchema,
  parseDuration,
  parseEndpoint,
  portSchema,
  type Scope,
  scopeSchema,
} from '@netport/protocol';
import { InvalidArgumentError } from 'commander';

/** A commander argument parser out of a function that throws: its message becomes a usage error. */
const argument =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

const invalid = (message: string): NetportError => new NetportError('invalid_request', message);

export function parseName(text: string): Name {
  const result = nameSchema.safeParse(text);
  if (!result.success) throw invalid(`"${text}" is no name: ${result.error.issues[0]?.message}.`);
  return result.data;
}

const form = 'Write PORTAL:ADDRESS:PORT, such as laptop:127.0.0.1:8080, laptop:[::1]:8080 or laptop:unix:/run/x.sock.';

/** One side of an access pair as people write it. Throws `invalid_request` with the right form. */
export function parsePairSide(text: string): Endpoint {
  const colon = text.indexOf(':');
  if (colon === -1) throw invalid(`"${text}" has no address. ${form}`);
  const portal = nameSchema.safeParse(text.slice(0, colon));
  if (!portal.success) throw invalid(`"${text}" does not start with the name of a portal. ${form}`);
  const rest = text.slice(colon + 1);
  const endpoint = parseEndpoint(rest);
  if (!endpoint) throw invalid(`${whatIsWrong(rest)}. ${form}`);
  return { portal: portal.data, ...endpoint };
}

/** Why `parseEndpoint` refused: the first thing that a person would correct. */
function whatIsWrong(text: string): string {
  if (text.startsWith('unix:')) return `"${text}" is not unix: and an absolute path of at most 107 bytes`;
  const colon = text.lastIndexOf(':');
  const address = text.slice(0, colon);
  if (addressKind(`[${text}]`) === 'ipv6' || addressKind(`[${address}]`) === 'ipv6') {
    return `"${text}" is ambiguous: an IPv6 address stands in brackets`;
  }
  if (addressKind(text)) return `"${text}" has no port`;
  if (addressKind(address)) return `"${text.slice(colon + 1)}" is no port from 1 to 65535`;
  return `"${colon === -1 ? text : address}" is no IPv4 address, IPv6 address in brackets, DNS name or unix:/path`;
}

/** Where an application connects to: a port stands for itself at any address. Throws `invalid_request`. */
export function parseDestination(text: string): { address?: string; port?: number } {
  if (/^\d+$/.test(text)) {
    const port = portSchema.safeParse(Number(text));
    if (port.success) return { port: port.data };
    throw invalid(`"${text}" is no port from 1 to 65535.`);
  }
  const endpoint = parseEndpoint(text);
  if (!endpoint) throw invalid(`${whatIsWrong(text)}. Write ADDRESS:PORT, PORT or unix:/path.`);
  return endpoint;
}

const parseTokenLifetime = (text: string): number => {
  const lifetime = parseDuration(text);
  if (lifetime >= 1000 && lifetime <= limits.joinTokenLifetimeMax) return lifetime;
  throw invalid(`a join token can be used for 1s to ${limits.joinTokenLifetimeMax / 86_400_000}d.`);
};

const parseApiTokenLifetime = (text: string): number => {
  const lifetime = parseDuration(text);
  if (lifetime >= 1000 && lifetime <= limits.apiTokenLifetimeMax) return lifetime;
  throw invalid(`an API token is good for 1s to ${limits.apiTokenLifetimeMax / 86_400_000}d.`);
};

function parseScopeText(text: string): Scope {
  const result = scopeSchema.safeParse(text);
  if (!result.success) throw invalid(`"${text}" is no scope: ${result.error.issues[0]?.message}.`);
  return result.data;
}

const parseCount = (text: string): number => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw invalid(`"${text}" is no number from 1 to 9999999.`);
  return Number(text);
};

/** A label to set, or, without a value, to take away. */
export interface LabelChange {
  key: string;
  value: string | undefined;
}

function parseLabel(text: string): LabelChange {
  const [, key = '', value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  const change = value === undefined && text.endsWith('-') ? { key: text.slice(0, -1), value } : { key, value };
  if (change.key === '') throw invalid(`"${text}" is no label: write KEY=VALUE.`);
  const result = labelsSchema.safeParse({ [change.key]: change.value ?? '' });
  if (!result.success) throw invalid(`"${text}" is no label: ${result.error.issues[0]?.message}.`);
  return change;
}

/** Commander hands over what came before, for arguments and options that may come again. */
const repeated =
  <T>(parse: (text: string) => T) =>
  (text: string, before: T[] = []): T[] => [...before, argument(parse)(text)];

export const labelArgument = repeated(parseLabel);
export const scopeArgument = repeated(parseScopeText);
export const nameArgument = argument(parseName);
export const pairSideArgument = argument(parsePairSide);
export const durationArgument = argument(parseDuration);
export const apiTokenLifetimeArgument = argument(parseApiTokenLifetime);
export const tokenLifetimeArgument = argument(parseTokenLifetime);
export const destinationArgument = argument(parseDestination);
export const countArgument = argument(parseCount);
