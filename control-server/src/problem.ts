import { NetportError, type Problem } from '@netport/protocol';
import { ZodError } from 'zod';

/** What a stranger may be told of anything thrown: our own errors as they are, of a fault only that there was one. */
export const publicError = (thrown: unknown): NetportError =>
  thrown instanceof NetportError && thrown.code !== 'internal'
    ? thrown
    : new NetportError('internal', 'the server could not do that; its log says why', { cause: thrown });

/** RFC 9457 problem details of an error; the cause of an error of ours stays here. */
export function problemOf(error: NetportError): Problem {
  const fields = error.cause instanceof ZodError ? error.cause.issues : [];
  return {
    type: `urn:netport:error:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(fields.length > 0 && {
      errors: fields.map(({ path, message }) => ({ path: path.join('.'), message })),
    }),
  };
}
