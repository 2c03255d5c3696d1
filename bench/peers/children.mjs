// Peers run as children of the benchmark and end with it.
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Starts a program; `stop` ends it and waits. */
export function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-2000);
  });
  children.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return {
    get errors() {
      return errors;
    },
    async stop() {
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 2000).unref();
      await exited;
      children.delete(child);
    },
  };
}

/** Resolves when something accepts on the port. */
export async function accepting(port, what) {
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    const open = await new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} does not accept on port ${port}`);
}
