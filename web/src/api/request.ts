// One call of the REST interface, typed by the server's own description of it.
import { t } from '../i18n';
import type { components, paths } from './schema';

const prefix = '/api/v1';

type Problem = Partial<components['schemas']['Problem']>;

/** An answer of the server that is not a success, or (status 0) no answer at all. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds to wait before trying again, when the server said so. */
  readonly retryAfter: number | null;

  constructor(status: number, code: string, message: string, retryAfter: number | null = null) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

type Under<Path> = Path extends `${typeof prefix}${infer Rest}` ? Rest : never;
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
export type ApiPath = Under<keyof paths>;
type Operation<M extends Method, P extends ApiPath> = paths[`${typeof prefix}${P}` & keyof paths][M];

/** Paths that have an operation of a method. */
export type PathsWith<M extends Method> = {
  [P in ApiPath]: Operation<M, P> extends { responses: unknown } ? P : never;
}[ApiPath];

type Json<Content> = Content extends { content: { 'application/json': infer Body } } ? Body : never;
type Query<O> = O extends { parameters: { query?: infer Q } } ? Exclude<Q, undefined> : never;
type Places<O> = O extends { parameters: { path: infer P } } ? P : never;
type Body<O> = O extends { requestBody: infer B } ? Json<B> : O extends { requestBody?: infer B } ? Json<B> : never;

/** What an operation answers when it succeeds. */
export type Answer<O> = O extends { responses: infer R }
  ? { [Status in keyof R]: [Json<R[Status]>] extends [never] ? undefined : Json<R[Status]> }[keyof R]
  : never;

/** What an operation takes, beside what every one does. */
export type Input<O> = { signal?: AbortSignal | undefined; headers?: Record<string, string> } & ([Places<O>] extends [
  never,
]
  ? unknown
  : { path: Places<O> }) &
  ([Query<O>] extends [never] ? unknown : { query?: Query<O> }) &
  (O extends { requestBody: unknown } ? { body: Body<O> } : { body?: Body<O> });

export type Called<M extends Method, P extends ApiPath> = Answer<Operation<M, P>>;
export type Calling<M extends Method, P extends ApiPath> = Input<Operation<M, P>>;

function describe(problem: Problem, status: number): string {
  const first = problem.errors?.find((e) => e.message)?.message;
  return first ?? problem.detail ?? problem.title ?? t('error.status', { status: String(status) });
}

async function failure(response: Response): Promise<ApiError> {
  let problem: Problem = {};
  try {
    problem = (await response.json()) as Problem;
  } catch {
    // A proxy in between may answer with a page of its own; the status alone has to do.
  }
  const wait = Number(response.headers.get('Retry-After'));
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null;
  return new ApiError(response.status, problem.code ?? 'unknown', describe(problem, response.status), retryAfter);
}

/** Answers that public/ahead.js has asked for, by their addresses; where that came too late there are none. */
function takeAhead(address: string): Promise<Response> | undefined {
  const { ahead } = globalThis as { ahead?: Map<string, Promise<Response>> };
  const answer = ahead?.get(address);
  ahead?.delete(address);
  return answer;
}

interface Loose {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

/** The address of an operation, its places and its query filled in; what is undefined or empty is left out. */
export function addressOf(path: string, places: Loose['path'] = {}, query: Loose['query'] = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(places[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  return `${prefix}${filled}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

/** Calls the server. Anything but a success is thrown as ApiError. */
export async function request<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  ...[input]: Input<unknown> extends Calling<M, P> ? [input?: Calling<M, P>] : [input: Calling<M, P>]
): Promise<Called<M, P>> {
  // The types above hold the callers to the description; here all operations are alike.
  const { path: places, query, body, signal, headers: extra } = (input ?? {}) as Loose;
  const headers: Record<string, string> = { Accept: 'application/json', ...extra };
  const init: RequestInit = { method: method.toUpperCase(), credentials: 'same-origin', headers };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    const address = addressOf(path, places, query);
    response = await ((method === 'get' ? takeAhead(address) : undefined) ?? fetch(address, init));
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', t('error.unreachable'));
  }
  if (!response.ok) throw await failure(response);
  if (response.status === 204) return undefined as Called<M, P>;
  return (await response.json()) as Called<M, P>;
}
