import { NetportError } from '@netport/protocol';

/** What a stranger may be told of anything thrown: our own errors as they are, of a fault only that there was one. */
export const publicError = (thrown: unknown): NetportError =>
  thrown instanceof NetportError && thrown.code !== 'internal'
    ? thrown
    : new NetportError('internal', 'the server could not do that; its log says why', { cause: thrown });
