import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { NetportError } from '@netport/protocol';

/**
 * Where a process keeps what must outlive it. Created with mode 0700. One process at a time: it holds a unix socket in
 * there, which also answers who asks for its status, so the lock vanishes with its owner however that ends.
 */
export interface DataDirectory {
  readonly path: string;
  /** The text of a file, or undefined where there is none. */
  read(name: string): Promise<string | undefined>;
  /** The bytes of a file, or undefined where there is none. */
  readBytes(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a file at once or not at all, mode 0600, on disk when this resolves. */
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** What `queryStatus` gets: any value that JSON can carry. */
  onStatus(handler: () => unknown): void;
  /** What `requestDrain` begins. */
  onDrain(handler: () => void): void;
  close(): Promise<void>;
}

const socketName = 'process.sock';
/** sun_path holds 108 bytes; a longer path is reached through the directory's descriptor. */
const socketPathMax = 100;
const statusTimeout = 3000;
const takeoverTimeout = 10_000;

/** Throws `data_directory_unwritable` or `data_directory_locked`. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  let status: () => unknown = () => ({});
  let drain = (): void => {};
  try {
    await makeDirectory(path);
    await writeAtomically(path, '.writable', '');
    await rm(join(path, '.writable'));
  } catch (cause) {
    throw new NetportError('data_directory_unwritable', `cannot write to ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  const server = await lock(path, (asked) => {
    if (asked === 'drain') drain();
    return JSON.stringify(status());
  });

  const read = async (name: string): Promise<Buffer | undefined> => {
    try {
      return await readFile(join(path, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };

  return {
    path,
    read: async (name) => (await read(name))?.toString('utf8'),
    readBytes: read,
    write: (name, content) => writeAtomically(path, name, content),
    onStatus: (handler) => {
      status = handler;
    },
    onDrain: (handler) => {
      drain = handler;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What the process that runs on this directory says of itself. Throws `unavailable` when none runs. */
export const queryStatus = (path: string): Promise<unknown> => askProcess(path, 'status');

/** Has the process that runs on this directory take no new work; answers its status. Throws `unavailable` when none runs. */
export const requestDrain = (path: string): Promise<unknown> => askProcess(path, 'drain');

type Question = 'status' | 'drain';

async function askProcess(path: string, question: Question): Promise<unknown> {
  const directory = await open(path, 'r').catch(() => undefined);
  try {
    const text = await ask(socketPath(path, directory?.fd), question);
    return JSON.parse(text);
  } catch (cause) {
    throw new NetportError('unavailable', `no process runs on ${path}`, { cause });
  } finally {
    await directory?.close();
  }
}

/** With its parents. Not `recursive`: below /proc that never ends. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

async function writeAtomically(directory: string, name: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(directory, `.${name}.new`);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, name));
}

async function lock(path: string, answer: (asked: string) => string): Promise<Server> {
  const directory = await open(path, 'r');
  const address = socketPath(path, directory.fd);
  const releaseTakeover = await beginTakeover(path);
  try {
    const answered = await ask(address, 'status').then(
      () => true,
      () => false,
    );
    if (answered) throw locked(path);
    await rm(join(path, socketName), { force: true });
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let asked = '';
      socket.setEncoding('utf8').setTimeout(statusTimeout, () => socket.destroy());
      socket.on('data', (chunk) => {
        asked += chunk;
      });
      socket.on('end', () => socket.end(answer(asked))).on('error', () => socket.destroy());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, resolve);
    });
    server.unref();
    server.on('close', () => directory.close());
    return server;
  } catch (error) {
    await directory.close();
    throw error;
  } finally {
    await releaseTakeover();
  }
}

/** Two processes that find the same dead socket must not both replace it: one file decides. */
async function beginTakeover(path: string): Promise<() => Promise<void>> {
  const guard = join(path, `${socketName}.lock`);
  try {
    await (await open(guard, 'wx', 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // Its owner died between two lines of code, long ago.
    const age = Date.now() - (await stat(guard)).mtimeMs;
    if (age < takeoverTimeout) throw locked(path);
    await rm(guard, { force: true });
  }
  return () => rm(guard, { force: true });
}

const locked = (path: string): NetportError =>
  new NetportError('data_directory_locked', `another process runs on ${path}`);

function socketPath(path: string, descriptor: number | undefined): string {
  const direct = join(path, socketName);
  if (Buffer.byteLength(direct) <= socketPathMax || descriptor === undefined) return direct;
  return `/proc/self/fd/${descriptor}/${socketName}`;
}

/** Everything that the process behind a socket says. Rejects when nobody is there. */
function ask(address: string, question: Question): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(address).end(question);
    let text = '';
    socket.setEncoding('utf8').setTimeout(statusTimeout, () => socket.destroy(new Error('no answer')));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text)).on('error', reject);
  });
}
