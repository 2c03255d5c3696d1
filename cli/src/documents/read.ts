import { type Document, documentKey, documentSchema, NetportError } from '@netport/protocol';
import { Composer, Parser, type Document as YamlDocument } from 'yaml';
import { placesIn } from './places.js';
import type { Source } from './sources.js';

type Path = readonly (string | number)[];

/** A document and the places in it. */
interface PlacedDocument {
  document: Document;
  placeOf: (path: Path) => string;
}

/** Documents out of files, as they go to the server. */
export interface Documents {
  documents: Document[];
  /** The server's refusal with `FILE:LINE:COLUMN` in place of its paths; anything else as it was. */
  placed: (thrown: unknown) => unknown;
}

/** Aliases of one document may stand for no more values than this: a few lines can otherwise stand for billions. */
const aliasesMax = 100;

/** Reads YAML and JSON, one document or many in each. Throws `invalid_request` with a line for every mistake. */
export function readDocuments(sources: readonly Source[]): Documents {
  const mistakes: string[] = [];
  const read = sources.flatMap((source) => parse(source, mistakes));
  mistakes.push(...repeated(read));
  if (mistakes.length > 0) throw wrong(mistakes);
  return {
    documents: read.map(({ document }) => document),
    placed: (thrown) => withPlaces(thrown, read),
  };
}

function parse({ file, text }: Source, mistakes: string[]): PlacedDocument[] {
  const places = placesIn(file, (onNewLine) => readYaml(text, onNewLine));
  // Each tree of nodes is let go at once, which saves a sixth of the time: for a place, there is another reading.
  return Array.from(readYaml(text), (yaml, at) =>
    documentsIn(yaml, places.at, (path) => places.of(at, path), mistakes),
  ).flat();
}

/** YAML 1.2, of which JSON is a part; without merge keys and tags of YAML 1.1. One document after the other, as they are asked for. */
const readYaml = (text: string, onNewLine?: (offset: number) => void): Iterable<YamlDocument> =>
  new Composer({ prettyErrors: false, stringKeys: true }).compose(new Parser(onNewLine).parse(text));

function documentsIn(
  yaml: YamlDocument,
  place: (offset: number) => string,
  placeOf: (path: Path) => string,
  mistakes: string[],
): PlacedDocument[] {
  const faults = [...yaml.errors, ...yaml.warnings];
  for (const { pos, message } of faults) mistakes.push(`${place(pos[0])}: ${message}`);
  if (faults.length > 0 || yaml.contents === null) return [];
  const value = plainValue(yaml);
  if (value instanceof Error) {
    mistakes.push(`${placeOf([])}: ${value.message}`);
    return [];
  }
  // Nothing between two lines of dashes.
  if (value === null) return [];
  // A list is as many documents: so it is what `netport export --json` prints.
  if (!Array.isArray(value)) return check(value, placeOf, mistakes);
  return value.flatMap((item, at) => check(item, (path) => placeOf([at, ...path]), mistakes));
}

function plainValue(yaml: YamlDocument): unknown {
  try {
    return yaml.toJS({ maxAliasCount: aliasesMax });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function check(value: unknown, placeOf: (path: Path) => string, mistakes: string[]): PlacedDocument[] {
  const result = documentSchema.safeParse(value);
  if (result.success) return [{ document: result.data, placeOf }];
  for (const issue of result.error.issues) mistakes.push(...explain(issue, placeOf));
  return [];
}

type Issue = NonNullable<ReturnType<typeof documentSchema.safeParse>['error']>['issues'][number];

/** Of fields that are not known each has its own place. */
function explain(issue: Issue, placeOf: (path: Path) => string): string[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const field = [...path, key];
      return `${placeOf(field)}: ${field.join('.')}: there is no such field`;
    });
  }
  return [`${placeOf(path)}: ${path.length > 0 ? `${path.join('.')}: ` : ''}${issue.message}`];
}

function repeated(read: readonly PlacedDocument[]): string[] {
  const first = new Map<string, PlacedDocument>();
  return read.flatMap((placed) => {
    const key = documentKey(placed.document);
    const other = first.get(key);
    if (!other) first.set(key, placed);
    const name = ['metadata', 'name'];
    return other ? [`${placed.placeOf(name)}: ${key} is at ${other.placeOf(name)} already`] : [];
  });
}

const wrong = (mistakes: readonly string[], cause?: unknown): NetportError =>
  new NetportError('invalid_request', ['the documents cannot be applied', ...mistakes].join('\n'), { cause });

function withPlaces(thrown: unknown, read: readonly PlacedDocument[]): unknown {
  if (!(thrown instanceof NetportError) || thrown.fields.length === 0) return thrown;
  return wrong(
    thrown.fields.map(({ path, message }) => {
      const [root, index, ...rest] = path.split('.');
      const placed = root === 'documents' ? read[Number(index)] : undefined;
      return placed ? `${placed.placeOf(rest)}: ${rest.join('.')}: ${message}` : message;
    }),
    thrown,
  );
}
