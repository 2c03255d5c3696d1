import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Document as YamlDocument,
} from 'yaml';

/** Places in a file, as editors and compilers write them: `FILE:LINE:COLUMN`. */
export interface Places {
  at: (offset: number) => string;
  /** Where a path leads in the document of that index. */
  of: (index: number, path: readonly (string | number)[]) => string;
}

/** Reads the file by `read`, once, when the first place is asked for. */
export function placesIn(file: string, read: (onNewLine: (offset: number) => void) => Iterable<YamlDocument>): Places {
  const lines = new LineCounter();
  let documents: readonly YamlDocument[] | undefined;
  const documentsRead = (): readonly YamlDocument[] => {
    documents ??= [...read(lines.addNewLine)];
    return documents;
  };
  const at: Places['at'] = (offset) => {
    documentsRead();
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const of: Places['of'] = (index, path) => {
    const document = documentsRead()[index];
    return at(document ? offsetOf(document, path) : 0);
  };
  return { at, of };
}

/** Where a path leads in a document; where it leads nowhere, the last place on the way there. */
function offsetOf(document: YamlDocument, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    const next = stepInto(node, step);
    if (!next) break;
    node = next.value;
    offset = startOf(next.value) ?? startOf(next.key) ?? offset;
  }
  return offset;
}

interface Step {
  key?: unknown;
  value: unknown;
}

function stepInto(node: unknown, step: string | number): Step | undefined {
  if (!isCollection(node)) return undefined;
  if (isSeq(node)) {
    const value = node.items[Number(step)];
    return value === undefined ? undefined : { value };
  }
  if (!isMap(node)) return undefined;
  return node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
}

/** An empty value begins where the next thing does: then its key says more. */
function startOf(node: unknown): number | undefined {
  if (!isNode(node) || !(node as Node).range) return undefined;
  const [start, end] = (node as Node).range as [number, number, number];
  return start === end ? undefined : start;
}
