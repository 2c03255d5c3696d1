import { type AnswerOf, type ApiEndpoint, limits, NetportError } from '@netport/protocol';
import type { Request, Router } from 'express';
import type { z } from 'zod';
import { originOf } from '../origin.js';
import { invalidFields, publicError } from '../problem.js';
import { noChange, type Outcome } from '../state/change.js';
import type { Actor, Principal } from '../state/context.js';
import { authorise, writeRefusal } from './authentication.js';
import { readBody } from './body.js';
import { endpointName } from './endpoint-names.js';
import type { Services } from './services.js';

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface Call<E extends ApiEndpoint> {
  /** With a role, where the endpoint is not for anyone. */
  actor: E extends { access: 'anyone' } ? Actor : Principal;
  /** The path's parameters, as sent: a name that nobody bears is simply not found. */
  params: Record<string, string>;
  query: E extends { query: infer Q } ? Parsed<Q> : undefined;
  body: E extends { bodyUnchecked: true } ? unknown : E extends { body: infer B } ? Parsed<B> : undefined;
  /** For what only HTTP knows: header fields and the connection. */
  request: Request;
  /** What `If-Match` says, of an endpoint with revisions. */
  revision: number | undefined;
}

/** What a use case answers, with the header fields that go along. */
export type Answer<E extends ApiEndpoint> = Outcome<AnswerOf<E>> & { headers?: Record<string, string> };

/** One endpoint: who asks, and whether they may → what they ask, by the endpoint's schemas → the use case → the answer, and the change to the bus. */
export function serve<E extends ApiEndpoint>(
  router: Router,
  services: Services,
  endpoint: E,
  use: (call: Call<E>) => Promise<Answer<E>>,
): void {
  const name = endpointName(endpoint);
  router[endpoint.method](
    endpoint.path,
    // Before the body is read: a stranger's body is not worth its bytes.
    async (request, response, next) => {
      if (endpoint.access === 'anyone') services.strangers.admit(request);
      response.locals.actor =
        endpoint.access === 'anyone'
          ? { name: 'anonymous', origin: originOf(request.socket) }
          : await authorise(services, request, name);
      next();
    },
    async (request, response) => {
      const body = endpoint.body && (await jsonOf(request, endpoint.bodyBytes ?? limits.apiBodyBytes));
      const call = {
        actor: response.locals.actor as Actor,
        params: request.params as Record<string, string>,
        query: endpoint.query && parse(endpoint.query, request.query),
        body: endpoint.body && (endpoint.bodyUnchecked ? body : parse(endpoint.body, body)),
        request,
        revision: endpoint.revisioned && matchedRevision(request),
      };
      const {
        value,
        change,
        headers = {},
      } = await use(call as Call<E>).catch(async (thrown) => {
        // Some refusals depend on what is asked for, and so come from the use case.
        if (publicError(thrown).code === 'forbidden') await writeRefusal(services, call.actor, request, thrown);
        throw thrown;
      });
      if (change !== noChange) services.bus.publish(change);
      // Who has the answer may rely on it: a granted pair can be dialled, a withdrawn one cannot.
      if (change.policy) await services.settled();
      if (endpoint.revisioned) response.set('etag', `"${(value as { revision: number }).revision}"`);
      response.set(headers).status(endpoint.status ?? 200);
      response.json(value);
    },
  );
}

/** `If-Match: "7"`; `*` and none bind to nothing. */
function matchedRevision(request: Request): number | undefined {
  const field = request.get('if-match');
  if (field === undefined || field === '*') return undefined;
  const [, digits] = /^"(\d{1,15})"$/.exec(field) ?? [];
  if (digits !== undefined) return Number(digits);
  const message = 'send the ETag of the answer that you read, such as "7"';
  throw new NetportError('invalid_request', `If-Match: ${message}`, { fields: [{ path: 'If-Match', message }] });
}

/** A request without a body is one without fields. */
async function jsonOf(request: Request, most: number): Promise<unknown> {
  if (request.is('json') === false) {
    throw new NetportError('invalid_request', 'send the body as content type application/json');
  }
  const text = await readBody(request, most);
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NetportError('invalid_request', `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Throws `invalid_request` that names the fields. */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input);
  if (!result.success) throw invalidFields(result.error);
  return result.data;
}
