import { NetportError } from '@netport/protocol';
import type { ErrorRequestHandler, Response } from 'express';
import { problemOf, publicError } from '../problem.js';
import type { Services } from './services.js';

export function sendProblem(response: Response, error: NetportError): void {
  response
    .status(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemOf(error)));
}

/** The last handler: whatever was thrown becomes a problem, and a fault of ours goes into the log instead of the answer. */
export const handleErrors =
  ({ log }: Pick<Services, 'log'>): ErrorRequestHandler =>
  (thrown, _request, response, next) => {
    if (response.headersSent) return next(thrown);
    const error = toNetportError(thrown);
    if (error.code === 'internal') log.error({ err: thrown }, 'request failed');
    sendProblem(response, error);
  };

/** Express marks a client's fault with a 4xx `status`. */
function toNetportError(thrown: unknown): NetportError {
  if (thrown instanceof NetportError) return thrown;
  const { status, message } = thrown as Record<'status' | 'message', unknown>;
  if (typeof status !== 'number' || status < 400 || status >= 500) return publicError(thrown);
  return new NetportError('invalid_request', String(message), { cause: thrown });
}
