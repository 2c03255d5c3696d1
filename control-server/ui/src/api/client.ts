import { type AnswerOf, type ApiEndpoint, type BodyOf, NetportError, problemSchema } from '@netport/protocol';

type ParamsOf<Path> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never;

export type Query = Record<string, string | number | undefined>;

/** What an endpoint needs: a value for each `:name` of its path, and its body. */
type RequestOf<E extends ApiEndpoint> = {
  query?: Query;
  /** Only if it still has this revision. */
  revision?: number;
  signal?: AbortSignal;
} & ([ParamsOf<E['path']>] extends [never] ? unknown : { params: Record<ParamsOf<E['path']>, string> }) &
  (BodyOf<E> extends undefined ? unknown : { body: BodyOf<E> });

/** One request with this session's cookie. Throws a NetportError, or what the signal was aborted with. */
export async function call<E extends ApiEndpoint>(endpoint: E, request: RequestOf<E>): Promise<AnswerOf<E>> {
  const { params = {}, query = {}, body, revision, signal } = request as LooseRequest;
  const path = endpoint.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') search.set(name, `${value}`);
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}${search.size > 0 ? `?${search}` : ''}`, {
      method: endpoint.method.toUpperCase(),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(revision !== undefined && { 'if-match': `"${revision}"` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal ?? null,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new NetportError('unavailable', 'The control server does not answer.');
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw refusal(response.status, answer);
  return answer as AnswerOf<E>;
}

interface LooseRequest {
  params?: Record<string, string>;
  query?: Query;
  body?: unknown;
  revision?: number;
  signal?: AbortSignal;
}

/** The server's problem as an error, with what is wrong with each field. */
function refusal(status: number, answer: unknown): NetportError {
  const problem = problemSchema.safeParse(answer);
  if (!problem.success) {
    return new NetportError('unavailable', `Something on the way answered ${status} instead of the server.`);
  }
  const { code, detail, errors = [] } = problem.data;
  return new NetportError(code, detail, { fields: errors });
}

/** What is wrong with each field, by its path; where it is none of them, what happened, by ''. */
export function fieldErrors(thrown: unknown): Partial<Record<string, string>> {
  const fields = thrown instanceof NetportError ? thrown.fields : [];
  if (fields.length === 0) return { '': inWords(thrown) };
  return Object.fromEntries(fields.map(({ path, message }) => [path, message]));
}

/** Anything thrown, in words for a person: what happened, then what to do about it. */
export function inWords(thrown: unknown): string {
  if (!(thrown instanceof NetportError)) return 'This is a fault of the page: load it again.';
  const { message, help } = thrown;
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? '' : '.'} ${help}`;
}
