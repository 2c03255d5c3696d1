import { type Document, type DocumentChange, documentKey } from '@netport/protocol';

type Field = NonNullable<DocumentChange['fields']>[number];

/**
 * Pure: what becomes of each document, first those that are wanted, in their order, then those that are withdrawn.
 * Both sides are complete: with every default filled in.
 */
export function diffDocuments(
  present: ReadonlyMap<string, Document>,
  wanted: readonly Document[],
  withdrawn: readonly Document[],
): DocumentChange[] {
  return [
    ...wanted.map((document): DocumentChange => {
      const before = present.get(documentKey(document));
      if (!before) return change('create', document, [wholeField(document, 'after')]);
      const fields = diffFields(before, document);
      return fields.length === 0 ? change('unchanged', document) : change('update', document, fields);
    }),
    ...withdrawn.map((document) => change('delete', document, [wholeField(document, 'before')])),
  ];
}

const change = (
  action: DocumentChange['action'],
  { kind, metadata: { name } }: Document,
  fields?: Field[],
): DocumentChange => ({ action, kind, name, ...(fields && { fields }) });

/** All that a document says, where there is nothing on the other side. */
function wholeField(document: Document, side: 'before' | 'after'): Field {
  const [path, value] =
    document.kind === 'Portal' ? ['metadata.labels', document.metadata.labels] : ['spec', document.spec];
  return { path, before: null, after: null, [side]: value };
}

/** The leaves that differ, by path. A list is one leaf: what moved in it is seen best as a whole. */
function diffFields(before: unknown, after: unknown, path: readonly string[] = []): Field[] {
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => diffFields(before[key], after[key], [...path, key]));
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path: path.join('.'), before: before ?? null, after: after ?? null }];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
