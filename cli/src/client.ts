import { Agent } from 'node:https';
import {
  type AnswerOf,
  type ApiEndpoint,
  asNetportError,
  type BodyOf,
  limits,
  NetportError,
  problemSchema,
} from '@netport/protocol';
import type { Credentials } from './credentials.js';
import { linesOf, openDownload } from './download.js';
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
  /** Whom it believes. */
  readonly ca: string;
  /** An answer that is no JSON but one line after the other, as they come. */
  lines(path: string, query: Query): AsyncIterable<string>;
  /** One request. Throws a NetportError with the server's code, or one that says why there was no answer. */
  call<E extends ApiEndpoint>(endpoint: E, request: RequestOf<E>): Promise<AnswerOf<E>>;
  /** The items of all pages, in the server's order. */
  list<E extends ApiEndpoint>(endpoint: E, selection?: Selection<ItemOf<E>>): Promise<ItemOf<E>[]>;
}

interface ApiOptions {
  /** Milliseconds to wait for each answer. */
  timeout?: number;
  /** Called once, when the server's certificate does not chain to the CA: for another CA, if there is one to be believed. */
  catchUp?: () => Promise<string | undefined>;
}

// Stated, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise turn the check off.
const agentFor = (ca: string): Agent =>
  new Agent({ ca, keepAlive: true, minVersion: 'TLSv1.3', rejectUnauthorized: true });

/** A client of the admin API that believes one CA only. */
export function createApi({ url, ca, token }: Credentials, options: ApiOptions = {}): Api {
  const { timeout = limits.apiRequestTimeout, catchUp } = options;
  let trusted = { ca, agent: agentFor(ca) };
  let catchingUp: Promise<string | undefined> | undefined;

  /** What fails for the server's certificate has sent nothing yet, so it may be sent again. */
  async function reach<T>(send: (agent: Agent) => Promise<T>): Promise<T> {
    try {
      return await send(trusted.agent);
    } catch (thrown) {
      if (asNetportError(thrown).code !== 'cert_untrusted') throw thrown;
      catchingUp ??= catchUp?.();
      const next = await catchingUp;
      if (next === undefined) throw thrown;
      if (next !== trusted.ca) trusted = { ca: next, agent: agentFor(next) };
      return send(trusted.agent);
    }
  }

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
    const { method } = endpoint;
    const answer = await reach((agent) => exchange({ agent, target, method, token, body, revision, timeout }));
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
    const refused = (answer: Answer): NetportError => refusal(target.origin, answer);
    const incoming = await reach((agent) => openDownload({ agent, target, method: 'get', token, timeout }, refused));
    yield* linesOf(incoming, target);
  }

  return {
    get ca() {
      return trusted.ca;
    },
    call,
    list,
    lines,
  };
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
