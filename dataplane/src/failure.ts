import { getSystemErrorName } from 'node:util';

const errno = new Int32Array(1);
/** Where a call of the addon writes the errno of what was lost. */
export const failureBytes = new Uint8Array(errno.buffer);

/** The errno that the last call wrote, or 0. Forgets it. */
export function takeFailure(): number {
  const failure = errno[0] ?? 0;
  errno[0] = 0;
  return failure;
}

export function socketError(port: number, failure: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-failure);
  return Object.assign(new Error(`UDP from port ${port}: ${code}`), { code, errno: -failure });
}
