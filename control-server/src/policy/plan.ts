import {
  type Document,
  type DocumentChange,
  documentKey,
  type Name,
  type PolicyRequest,
  type PortalDocument,
} from '@netport/protocol';
import type { StoredDocument } from '../store/store.js';
import { diffDocuments } from './document-diff.js';
import { exportDocuments } from './export.js';
import { expandGrants, type PlacedGrant } from './grants.js';
import type { Issue } from './issues.js';
import { type Making, type PairChanges, reconcilePairs } from './pair-changes.js';
import {
  isDerived,
  isGrant,
  isGroup,
  isPlain,
  isTests,
  type LabelledPortal,
  type PolicyState,
} from './policy-state.js';
import { runTests, type TestOutcome } from './reach-tests.js';
import { referenceIssues } from './references.js';

export interface PolicyPlan {
  changes: DocumentChange[];
  tests: TestOutcome[];
  pairs: PairChanges;
  documents: { put: StoredDocument[]; remove: StoredDocument[] };
  portals: { add: LabelledPortal[]; relabel: LabelledPortal[] };
  /** Why none of it may be done: what is wrong with the documents, … */
  issues: Issue[];
  /** … and tests that fail, or that these documents would break. */
  failures: Issue[];
}

/** Pure: what applying documents to a state means. Nothing of it may be done while there are issues or failures. */
export function planPolicy(
  state: PolicyState,
  { documents, prune }: Pick<PolicyRequest, 'documents' | 'prune'>,
  { actor, ...making }: Making & { actor: string },
): PolicyPlan {
  const present = new Map(exportDocuments(state).map((document) => [documentKey(document), document]));
  const wanted = documents.map((document) => complete(document, present.get(documentKey(document)), actor));
  const named = new Set(wanted.map(documentKey));
  const withdrawn = prune ? applied(state, present).filter((document) => !named.has(documentKey(document))) : [];
  const gone = new Set(withdrawn.map(documentKey));
  const kept = state.documents.filter(
    (document) => !named.has(documentKey(document)) && !gone.has(documentKey(document)),
  );

  const portals = mergePortals(state.portals, wanted.filter(isPortal));
  const selectable = { portals, groups: [...kept, ...wanted].filter(isGroup) };
  const grants = [
    ...wanted.flatMap((document, at): PlacedGrant[] =>
      isGrant(document) ? [{ document, place: ['documents', at] }] : [],
    ),
    ...kept.filter(isGrant).map((document): PlacedGrant => ({ document, place: [] })),
  ];
  const stays = (name: Name) => !named.has(`AccessPair ${name}`) && !gone.has(`AccessPair ${name}`);
  const others = state.pairs.filter((pair) => !isDerived(pair) && stays(pair.name));
  const references = [...repeated(wanted), ...referenceIssues(wanted, kept, selectable)];
  const expansion = expandGrants(grants, selectable, others);
  const concerned = state.pairs.filter((pair) => isDerived(pair) || !stays(pair.name));

  const changes = diffDocuments(present, wanted, withdrawn);
  const changed = new Set(
    changes.filter(({ action }) => action !== 'unchanged').map(({ kind, name }) => `${kind} ${name}`),
  );
  const stored = wanted.filter(isStored);
  const known = new Set(state.portals.map(({ name }) => name));
  const touched = portals.filter(({ name }) => changed.has(`Portal ${name}`));
  const { outcomes, failures } = checkTests(state, wanted, kept, {
    portals: new Set(portals.map(({ name }) => name)),
    pairs: [...others, ...expansion.wanted],
    now: making.now,
  });
  return {
    changes,
    tests: outcomes,
    pairs: reconcilePairs(concerned, expansion.wanted, making),
    documents: {
      put: stored.filter((document) => changed.has(documentKey(document))),
      remove: state.documents.filter(
        (document) =>
          gone.has(documentKey(document)) ||
          (named.has(documentKey(document)) && !stored.some((other) => documentKey(other) === documentKey(document))),
      ),
    },
    portals: {
      add: touched.filter(({ name }) => !known.has(name)),
      relabel: touched.filter(({ name }) => known.has(name)),
    },
    // An expansion over names that do not exist would only complain about its own consequences.
    issues: references.length > 0 ? references : expansion.issues,
    failures,
  };
}

const isPortal = (document: Document): document is PortalDocument => document.kind === 'Portal';
const isStored = (document: Document): document is StoredDocument =>
  !isPortal(document) && !(isGrant(document) && isPlain(document));

/** What is left open in a document stays as it is, and times are in one notation. */
function complete(document: Document, present: Document | undefined, actor: string): Document {
  if (document.kind !== 'AccessPair') return document;
  const { expiresAt, owner, ...spec } = document.spec;
  const before = present?.kind === 'AccessPair' ? present.spec.owner : undefined;
  return {
    ...document,
    spec: {
      ...spec,
      ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
      owner: owner ?? before ?? actor,
    },
  };
}

/** What earlier applies made, and so what pruning may withdraw. Portals are not: their certificates would go with them. */
function applied(state: PolicyState, present: ReadonlyMap<string, Document>): Document[] {
  const plain = state.pairs.filter(({ name, grant }) => grant === name);
  return [...plain.flatMap(({ name }) => present.get(`AccessPair ${name}`) ?? []), ...state.documents];
}

function mergePortals(portals: readonly LabelledPortal[], documents: readonly PortalDocument[]): LabelledPortal[] {
  const merged = new Map(portals.map((portal) => [portal.name, portal]));
  for (const { metadata } of documents) merged.set(metadata.name, metadata);
  return [...merged.values()];
}

function repeated(documents: readonly Document[]): Issue[] {
  const first = new Map<string, number>();
  return documents.flatMap((document, at) => {
    const key = documentKey(document);
    const other = first.get(key);
    if (other === undefined) first.set(key, at);
    return other === undefined
      ? []
      : [{ path: ['documents', at, 'metadata', 'name'], message: `${key} is documents.${other} already` }];
  });
}

/** The documents' own tests must pass. Those from earlier applies must not be broken: one that failed before is shown only. */
function checkTests(
  state: PolicyState,
  wanted: readonly Document[],
  kept: readonly StoredDocument[],
  after: { portals: ReadonlySet<string>; pairs: Parameters<typeof runTests>[1]['pairs']; now: Date },
): { outcomes: TestOutcome[]; failures: Issue[] } {
  const own = runTests(wanted.filter(isTests), after, after.now);
  const earlier = runTests(kept.filter(isTests), after, after.now);
  const before = { portals: new Set<string>(state.portals.map(({ name }) => name)), pairs: state.pairs };
  const passed = earlier.every((outcome) => outcome.passed)
    ? []
    : runTests(kept.filter(isTests), before, after.now).map((outcome) => outcome.passed);
  const places = new Map(wanted.map((document, at) => [documentKey(document), at]));
  const failed = ({ test, why }: TestOutcome): string => `the test "${test}" fails: ${why}`;
  return {
    outcomes: [...own, ...earlier],
    failures: [
      ...own.flatMap((outcome) => {
        const at = places.get(`PolicyTests ${outcome.document}`) ?? 0;
        const path = ['documents', at, 'spec', 'tests', outcome.index];
        return outcome.passed ? [] : [{ path, message: failed(outcome) }];
      }),
      ...earlier.flatMap((outcome, at) =>
        outcome.passed || !passed[at]
          ? []
          : [{ path: [], message: `${failed(outcome)} (PolicyTests ${outcome.document}, applied earlier)` }],
      ),
    ],
  };
}
