import { type FieldError, NetportError, type Problem } from '@netport/protocol';
import type { ZodError, z } from 'zod';

/** What a stranger may be told of anything thrown: our own errors as they are, of a fault only that there was one. */
export const publicError = (thrown: unknown): NetportError =>
  thrown instanceof NetportError && thrown.code !== 'internal'
    ? thrown
    : new NetportError('internal', 'the server could not do that; its log says why', { cause: thrown });

/** RFC 9457 problem details of an error; the cause of an error of ours stays here. */
export function problemOf(error: NetportError): Problem {
  return {
    type: `urn:netport:error:${error.code}`,
    title: error.code.replaceAll('_', ' '),
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.fields.length > 0 && { errors: [...error.fields] }),
  };
}

/** What did not pass a schema, as an error that names each field. */
export function invalidFields(error: ZodError): NetportError {
  const fields = fieldErrors(error);
  const [first] = fields;
  const where = first && first.path !== '' ? `${first.path}: ` : '';
  return new NetportError('invalid_request', `${where}${first?.message ?? 'invalid'}`, { cause: error, fields });
}

/** What a field of the request or of its path names is not there. */
export const notFound = (path: string, message: string): NetportError =>
  new NetportError('not_found', message, { fields: [{ path, message }] });

/** One for each field that is wrong or unknown; of several shapes that a body may have, those of the one that comes closest. */
export const fieldErrors = ({ issues }: { issues: readonly z.core.$ZodIssue[] }, at = ''): FieldError[] =>
  issues.flatMap((issue) => {
    const path = [at, ...issue.path].filter((part) => part !== '').join('.');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: path === '' ? key : `${path}.${key}`,
        message: 'there is no such field',
      }));
    }
    const shapes =
      issue.code === 'invalid_union' ? issue.errors.map((errors) => fieldErrors({ issues: errors }, path)) : [];
    const [closest] = shapes.filter(({ length }) => length > 0).sort((one, other) => one.length - other.length);
    return closest ?? { path, message: issue.message };
  });
