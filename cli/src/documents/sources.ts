import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { limits, NetportError } from '@netport/protocol';

/** A file's text, and the name that people know it by. */
export interface Source {
  file: string;
  text: string;
}

const readable = /\.(?:ya?ml|json)$/;

/** The files, and those below the directories, in order; `-` is standard input. Throws `invalid_request` for what cannot be read. */
export async function readSources(names: readonly string[], stdin: Readable): Promise<Source[]> {
  const sources: Source[] = [];
  let size = 0;
  const add = (file: string, text: string): void => {
    size += text.length;
    if (size > limits.policyBodyBytes) throw tooMuch(`more than ${limits.policyBodyBytes} bytes`);
    sources.push({ file, text });
  };
  for (const name of names) {
    if (name === '-') add('standard input', await textOf(stdin));
    else for (const file of await filesOf(name)) add(file, await legible(file, () => readFile(file, 'utf8')));
  }
  return sources;
}

const tooMuch = (what: string): NetportError =>
  new NetportError('too_large', `the documents are ${what}: apply them in parts`);

async function textOf(stdin: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk;
    if (text.length > limits.policyBodyBytes) throw tooMuch(`more than ${limits.policyBodyBytes} bytes`);
  }
  return text;
}

/** A file as it is, whatever its name; of a directory what is readable by name, without what is hidden. */
async function filesOf(name: string): Promise<string[]> {
  if (!(await legible(name, () => stat(name))).isDirectory()) return [name];
  const files: string[] = [];
  const entries = await legible(name, () => readdir(name, { withFileTypes: true }));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(name, entry.name);
    if (entry.name.startsWith('.')) continue;
    // A link to a file is followed, as Kubernetes mounts them; one to a directory could lead round in circles.
    if (entry.isDirectory()) files.push(...(await filesOf(path)));
    else if (readable.test(entry.name) && (await legible(path, () => stat(path))).isFile()) files.push(path);
    if (files.length > limits.policyDocuments) throw tooMuch(`in more than ${limits.policyDocuments} files`);
  }
  return files;
}

async function legible<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new NetportError('invalid_request', `cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}
