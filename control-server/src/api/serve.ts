import { type AnswerOf, type ApiEndpoint, limits, NetportError } from '@netport/protocol';
import express, { type Request, type Router } from 'express';
import type { z } from 'zod';
import { originOf } from '../origin.js';
import { noChange, type Outcome } from '../state/change.js';
import type { Actor } from '../state/context.js';
import { actorOf } from './authentication.js';
import { invalidFields } from './errors.js';
import type { Services } from './services.js';

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface Call<E extends ApiEndpoint> {
  actor: Actor;
  /** The path's parameters, as sent: a name that nobody bears is simply not found. */
  params: Record<string, string>;
  query: E extends { query: infer Q } ? Parsed<Q> : undefined;
  body: E extends { body: infer B } ? Parsed<B> : undefined;
  /** For what only HTTP knows: header fields and the connection. */
  request: Request;
}

/** What a use case answers, with the header fields that go along. */
export type Answer<E extends ApiEndpoint> = Outcome<AnswerOf<E>> & { headers?: Record<string, string> };

const parseJson = express.json({ limit: limits.apiBodyBytes });
const parseStrangersJson = express.json({ limit: limits.signInBytes });

/** One endpoint: who asks → what they ask, by the endpoint's schemas → the use case → the answer, and the change to the bus. */
export function serve<E extends ApiEndpoint>(
  router: Router,
  services: Services,
  endpoint: E,
  use: (call: Call<E>) => Promise<Answer<E>>,
): void {
  router[endpoint.method](
    endpoint.path,
    // Before the body is read: a stranger's body is not worth its bytes.
    async (request, response, next) => {
      response.locals.actor =
        endpoint.access === 'anyone'
          ? { name: 'anonymous', origin: originOf(request.socket) }
          : await actorOf(services, request);
      next();
    },
    endpoint.access === 'anyone' ? parseStrangersJson : parseJson,
    async (request, response) => {
      const call = {
        actor: response.locals.actor as Actor,
        params: request.params as Record<string, string>,
        query: endpoint.query && parse(endpoint.query, request.query),
        body: endpoint.body && parse(endpoint.body, bodyOf(request)),
        request,
      };
      const { value, change, headers = {} } = await use(call as Call<E>);
      if (change !== noChange) services.bus.publish(change);
      // Who has the answer may rely on it: a granted pair can be dialled, a withdrawn one cannot.
      if (change.policy) await services.settled();
      response
        .status(endpoint.status ?? 200)
        .set(headers)
        .json(value);
    },
  );
}

/** A request without a body is one without fields. */
function bodyOf(request: Request): unknown {
  if (request.is('json') === false) {
    throw new NetportError('invalid_request', 'send the body as content type application/json');
  }
  return request.body ?? {};
}

function parse(schema: z.ZodType, input: unknown): unknown {
  const result = schema.safeParse(input);
  if (!result.success) throw invalidFields(result.error);
  return result.data;
}
