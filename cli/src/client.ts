import { Agent } from 'node:https';
import { type AnswerOf, type ApiEndpoint, type BodyOf, limits, NetportError, problemSchema } from '@netport/protocol';
import type { Credentials } from './credentials.js';
import { download } from './download.js';
import { type Answer, exchange } from './exchange.js';

type ParamsOf<Path> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

type Query = Record<string, string | number | undefined>;

/** What an endpoint needs: a value for each `:name` of its path, and its body; with `revision`, it changes that one only. */
type RequestOf<E extends ApiEndpoint> = { query?: Query; revision?: number | undefined } & ([
  ParamsOf<E['path']>,
] extends [never]
  ? unknown
  : { params: Record<ParamsOf<E['path']>, string> }) &
  (BodyOf<E> extends undefined ? unknown : { body: BodyOf<E> });

export type ItemOf<E> = AnswerOf<E> extends { items: (infer Item)[] } ? Item : never;

interface Selection<Item> {
  query?: Query;
  max?: number;
  /** The first item that is not wanted ends the list. */
  wanted?: (item: Item) => boolean;
}

export interface Api {
  /** An answer that is no JSON but one line after the other, as they come. */
  lines(path: string, query: Query): AsyncIterable<string>;
  /** One request. Throws a NetportError with the server's code, or one that says why there was no answer. */
  call<E extends ApiEndpoint>(endpoint: E, request: RequestOf<E>): Promise<AnswerOf<E>>;
  /** The items of all pages, in the server's order. */
  list<E extends ApiEndpoint>(endpoint: E, selection?: Selection<ItemOf<E>>): Promise<ItemOf<E>[]>;
}

/** A client of the admin API that believes one CA only, and waits `timeout` ms for each answer. */
export function createApi({ url, ca, token }: Credentials, timeout: number = limits.apiRequestTimeout): Api {
  // Stated, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise turn the check off.
  const agent = new Agent({ ca, keepAlive: true, minVersion: 'TLSv1.3', rejectUnauthorized: true });

  const call: Api['call'] = async (endpoint, request) => {
    const {
      params = {},
      query = {},
      body,
      revision,
    } = request as {
      params?: Record<string, string>;
      query?: Query;
      body?: unknown;
      revision?: number;
    };
    const path = endpoint.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const target = new URL(`/api/v1${path}`, url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const answer = await exchange({ agent, target, method: endpoint.method, token, body, revision, timeout });
    if (answer.status >= 300) throw refusal(target.origin, answer);
    const result = endpoint.answer.safeParse(answer.json);
    if (!result.success) throw notOurs(target.origin, 'its answer has another shape');
    return result.data as AnswerOf<typeof endpoint>;
  };

  async function list<E extends ApiEndpoint>(
    endpoint: E,
    { query = {}, max = Number.POSITIVE_INFINITY, wanted = () => true }: Selection<ItemOf<E>> = {},
  ): Promise<ItemOf<E>[]> {
    const items: ItemOf<E>[] = [];
    // A list by ids goes back from a number, the others on from a text.
    let next: number | string | undefined;
    const asked = new Set<number | string>();
    while (items.length < max) {
      const cursor = typeof next === 'number' ? { before: next } : { after: next };
      const limit = Math.min(limits.apiPageSize, max - items.length);
      const answer = await call(endpoint, { query: { limit, ...query, ...cursor } } as RequestOf<E>);
      const page = answer as { items: ItemOf<E>[]; next?: number | string };
      const end = page.items.findIndex((item) => !wanted(item));
      items.push(...(end === -1 ? page.items : page.items.slice(0, end)));
      next = page.next;
      if (end !== -1 || next === undefined) break;
      // One that was asked for already would have us ask for ever.
      if (asked.has(next)) throw notOurs(url, 'its pages do not end');
      asked.add(next);
    }
    return items.slice(0, max);
  }

  async function* lines(path: string, query: Query): AsyncIterable<string> {
    const target = new URL(`/api/v1${path}`, url);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    yield* download({ agent, target, method: 'get', token, timeout }, (answer) => refusal(target.origin, answer));
  }

  return { call, list, lines };
}

const notOurs = (origin: string, what: string): NetportError =>
  new NetportError('protocol_error', `${origin} is no Netport control server of this version: ${what}`);

/** The server's problem as an error: what is wrong, then one line for each field. */
function refusal(origin: string, { status, json }: Answer): NetportError {
  const result = problemSchema.safeParse(json);
  if (!result.success) return notOurs(origin, `it answered ${status} without one of its error codes`);
  const { code, detail, errors = [] } = result.data;
  // A detail that is the first of the fields is not said twice.
  const fields = errors
    .map(({ path, message }) => (message === detail ? message : `${path}: ${message}`))
    .filter((field) => field !== detail);
  const message = [detail, ...fields.map((field) => `  ${field}`)].join('\n');
  return new NetportError(code, message, { fields: errors });
}
