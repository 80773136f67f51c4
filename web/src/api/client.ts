import type {
  AccountRole,
  Device,
  DocumentInfo,
  DocumentRole,
  Member,
  NewUser,
  Nodes,
  NoticePage,
  Page,
  Problem,
  User,
} from './types';

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

/** Says in plain words why a call failed, for showing to the person who made it. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'Something went wrong.';
}

function describe(problem: Problem, status: number): string {
  const first = problem.errors?.find((e) => e.message)?.message;
  return first ?? problem.detail ?? problem.title ?? `The server answered with status ${status}.`;
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

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  const init: RequestInit = { method, credentials: 'same-origin', headers };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', "The server can't be reached. Check your connection and try again.");
  }
  if (!response.ok) throw await failure(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** Reads a list to its end. Lists of accounts and members are short enough to show whole. */
async function all<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: '200' });
    if (cursor) query.set('cursor', cursor);
    const page: Page<T> = await call('GET', `${path}?${query.toString()}`, undefined, signal);
    found.push(...page.data);
    cursor = page.nextCursor ?? null;
  } while (cursor);
  return found;
}

const documentPath = (id: string) => `/documents/${encodeURIComponent(id)}`;

/** Paths of the event streams. */
export const streams = {
  notices: '/api/v1/notifications/stream',
  editors: (id: string) => `/api/v1${documentPath(id)}/events`,
  everyone: '/api/v1/admin/events',
};

export const api = {
  setupNeeded: (signal?: AbortSignal) => call<{ needed: boolean }>('GET', '/setup', undefined, signal),
  setUp: (body: { token: string; email: string; name: string; password: string }) => call<User>('POST', '/setup', body),
  acceptInvitation: (body: { token: string; password: string }) => call<User>('POST', '/invitations', body),

  whoAmI: (signal?: AbortSignal) => call<User>('GET', '/session', undefined, signal),
  logIn: (body: { email: string; password: string }) => call<User>('POST', '/session', body),
  logOut: () => call<undefined>('DELETE', '/session'),

  users: (signal?: AbortSignal) => all<User>('/users', signal),
  addUser: (body: { email: string; name: string; role: AccountRole; password?: string }) =>
    call<NewUser>('POST', '/users', body),
  changeUser: (id: string, change: { name?: string; role?: AccountRole; disabled?: boolean }) =>
    call<User>('PATCH', `/users/${encodeURIComponent(id)}`, change),
  changeMe: (change: { name: string }) => call<User>('PATCH', '/users/me', change),
  devices: (signal?: AbortSignal) => all<Device>('/sessions', signal),
  endDevice: (id: string) => call<undefined>('DELETE', `/sessions/${encodeURIComponent(id)}`),

  notices: (cursor?: string) => {
    const params = new URLSearchParams({ limit: '30' });
    if (cursor) params.set('cursor', cursor);
    return call<NoticePage>('GET', `/notifications?${params.toString()}`);
  },
  readNotice: (id: string) => call<undefined>('POST', `/notifications/${encodeURIComponent(id)}/read`),
  readAllNotices: () => call<undefined>('POST', '/notifications/read', {}),

  nodes: (signal?: AbortSignal) => call<Nodes>('GET', '/admin/nodes', undefined, signal),
  endConnection: (id: string) => call<undefined>('DELETE', `/admin/connections/${encodeURIComponent(id)}`),

  documents: (query: { q?: string; cursor?: string }, signal?: AbortSignal) => {
    const params = new URLSearchParams({ limit: '50' });
    if (query.q) params.set('q', query.q);
    if (query.cursor) params.set('cursor', query.cursor);
    return call<Page<DocumentInfo>>('GET', `/documents?${params.toString()}`, undefined, signal);
  },
  document: (id: string, signal?: AbortSignal) => call<DocumentInfo>('GET', documentPath(id), undefined, signal),
  createDocument: (title: string) => call<DocumentInfo>('POST', '/documents', { title }),
  renameDocument: (id: string, title: string) => call<DocumentInfo>('PATCH', documentPath(id), { title }),
  trashDocument: (id: string) => call<undefined>('DELETE', documentPath(id)),
  restoreDocument: (id: string) => call<DocumentInfo>('POST', `${documentPath(id)}/restore`),

  members: (id: string, signal?: AbortSignal) => all<Member>(`${documentPath(id)}/members`, signal),
  setMember: (id: string, userId: string, role: DocumentRole) =>
    call<Member>('PUT', `${documentPath(id)}/members/${encodeURIComponent(userId)}`, { role }),
  removeMember: (id: string, userId: string) =>
    call<undefined>('DELETE', `${documentPath(id)}/members/${encodeURIComponent(userId)}`),
};
