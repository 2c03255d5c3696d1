import { createHash } from 'node:crypto';
import {
  type DocumentPort,
  type GroupDocument,
  type Name,
  type PairDocument,
  portRangeOf,
  selectorOf,
} from '@netport/protocol';
import { isPlain, type LabelledPortal, type WantedPair } from './policy-state.js';

export interface Selectable {
  portals: readonly LabelledPortal[];
  groups: readonly GroupDocument[];
}

/** The portals that a document listens at; the one that is dialled is left out, because a pair joins two. */
export function selectPortals({ spec: { from, to } }: PairDocument, { portals, groups }: Selectable): Name[] {
  if (from.portal !== undefined) return [from.portal];
  const { label, group } = from.portals ?? {};
  const members = group === undefined ? undefined : groups.find(({ metadata }) => metadata.name === group);
  const selectors = [label, members?.spec.label].flatMap((text) => (text === undefined ? [] : [selectorOf(text)]));
  const named = new Set(members?.spec.portals);
  return portals
    .filter(({ name, labels }) => named.has(name) || selectors.some((holds) => holds(labels)))
    .flatMap(({ name }) => (name === to.portal ? [] : [name]));
}

/** How many access pairs `expand` would make: to be asked first. */
export function pairCount(document: PairDocument, selectable: Selectable): number {
  const { port } = document.spec.from;
  const { first, last } = portRangeOf(port ?? 1);
  return selectPortals(document, selectable).length * (last - first + 1);
}

/** Pure: the access pairs that a document stands for, in the order of their portals and ports. */
export function expand(document: PairDocument, selectable: Selectable): WantedPair[] {
  const { metadata, spec } = document;
  const plain = isPlain(document);
  const suffixes = { portal: spec.from.portals !== undefined, port: typeof spec.from.port === 'string' };
  return selectPortals(document, selectable).flatMap((portal) =>
    portsOf(spec.from.port).map((port, at): WantedPair => {
      const parts = [...(suffixes.portal ? [portal] : []), ...(suffixes.port ? [String(port)] : [])];
      const target = portsOf(spec.to.port)[0];
      const toPort = target === undefined ? undefined : target + at;
      return {
        name: plain ? metadata.name : derivedName([metadata.name, ...parts]),
        grant: metadata.name,
        protocol: spec.protocol,
        from: { portal, address: spec.from.address, ...(port !== undefined && { port }) },
        to: { portal: spec.to.portal, address: spec.to.address, ...(toPort !== undefined && { port: toPort }) },
        transport: spec.transport,
        enabled: spec.enabled,
        expiresAt: spec.expiresAt === undefined ? null : new Date(spec.expiresAt),
        schedule: spec.schedule ?? null,
        owner: spec.owner ?? '',
        reason: spec.reason,
      };
    }),
  );
}

/** A unix socket is one thing to listen on, without a port. */
function portsOf(port: DocumentPort | undefined): (number | undefined)[] {
  if (port === undefined) return [undefined];
  const { first, last } = portRangeOf(port);
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

const nameCharacters = 63;
const hashCharacters = 8;

/** `web-laptop-8001`. One that is too long for a name is cut, and keeps apart from others by a hash of the whole. */
function derivedName(parts: readonly string[]): Name {
  const text = parts.join('-');
  if (text.length <= nameCharacters) return text as Name;
  const hash = createHash('sha256').update(parts.join('/')).digest('hex').slice(0, hashCharacters);
  return `${text.slice(0, nameCharacters - hashCharacters - 1).replace(/-+$/, '')}-${hash}` as Name;
}
