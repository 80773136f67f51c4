import { languageNow, t, type TextKey } from '../i18n';
import { en } from '../i18n/en';
import { ApiError, addressOf, request, type Calling } from './request';
import type { AuditQuery, DocumentRole } from './types';

export { ApiError } from './request';

type ProblemKey = Extract<TextKey, `problem.${string}`>;

/** Problems of which the server's own words, which are English, say more than their code does. */
const particular = new Set(['bad_request', 'validation', 'conflict', 'forbidden', 'too_large', 'unavailable']);

/** Says in plain words why a call failed, for showing to the person who made it. */
export function reasonOf(error: unknown): string {
  if (error instanceof ApiError && error.status === 429) {
    return error.retryAfter ? t('error.wait', { n: error.retryAfter }) : t('error.waitAMinute');
  }
  if (error instanceof ApiError && !(languageNow() === 'en' && particular.has(error.code))) {
    const key = `problem.${error.code}`;
    if (key in en) return t(key as ProblemKey);
  }
  return error instanceof Error ? error.message : t('error.unknown');
}

/** Reads a list to its end. Lists of accounts and members are short enough to show whole. */
async function all<T>(read: (cursor: string) => Promise<{ data: T[]; nextCursor: string }>): Promise<T[]> {
  const found: T[] = [];
  let cursor = '';
  do {
    const page = await read(cursor);
    found.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor);
  return found;
}

const most = 200;

/** A name that nobody else gives; randomUUID only exists behind TLS. */
const anyName = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Names a request that creates something, so that the server does it once however often it is asked. */
const once = () => ({ 'Idempotency-Key': anyName() });

/** Paths of the event streams. */
export const streams = {
  notices: addressOf('/notifications/stream'),
  editors: (id: string) => addressOf('/documents/{id}/events', { id }),
  everyone: addressOf('/admin/events'),
};

type DocumentQuery = NonNullable<Calling<'get', '/documents'>['query']>;

export const api = {
  setupNeeded: (signal?: AbortSignal) => request('get', '/setup', { signal }),
  setUp: (body: Calling<'post', '/setup'>['body']) => request('post', '/setup', { body }),
  acceptInvitation: (body: Calling<'post', '/invitations'>['body']) => request('post', '/invitations', { body }),

  whoAmI: (signal?: AbortSignal) => request('get', '/session', { signal }),
  logIn: (body: Calling<'post', '/session'>['body']) => request('post', '/session', { body }),
  logOut: () => request('delete', '/session'),

  users: (signal?: AbortSignal) =>
    all((cursor) => request('get', '/users', { query: { limit: most, cursor }, signal })),
  addUser: (body: Calling<'post', '/users'>['body']) => request('post', '/users', { body, headers: once() }),
  changeUser: (id: string, body: Calling<'patch', '/users/{id}'>['body']) =>
    request('patch', '/users/{id}', { path: { id }, body }),
  changeMe: (body: Calling<'patch', '/users/me'>['body']) => request('patch', '/users/me', { body }),
  changePassword: (body: Calling<'put', '/users/me/password'>['body']) =>
    request('put', '/users/me/password', { body }),
  resetPassword: (id: string) => request('post', '/users/{id}/reset', { path: { id } }),
  deleteUser: (id: string, heir: string) => request('delete', '/users/{id}', { path: { id }, query: { heir } }),
  findPeople: async (q: string, signal?: AbortSignal) =>
    (await request('get', '/people', { query: { q, limit: 8 }, signal })).data,
  devices: (signal?: AbortSignal) =>
    all((cursor) => request('get', '/sessions', { query: { limit: most, cursor }, signal })),
  endDevice: (id: string) => request('delete', '/sessions/{id}', { path: { id } }),

  keys: (signal?: AbortSignal) =>
    all((cursor) => request('get', '/api-keys', { query: { limit: most, cursor }, signal })),
  createKey: (body: Calling<'post', '/api-keys'>['body']) => request('post', '/api-keys', { body, headers: once() }),
  deleteKey: (id: string) => request('delete', '/api-keys/{id}', { path: { id } }),

  notices: (cursor = '') => request('get', '/notifications', { query: { limit: 30, cursor } }),
  readNotice: (id: string) => request('post', '/notifications/{id}/read', { path: { id } }),
  readAllNotices: () => request('post', '/notifications/read', { body: {} }),

  nodes: (signal?: AbortSignal) => request('get', '/admin/nodes', { signal }),
  statistics: (signal?: AbortSignal) => request('get', '/admin/statistics', { signal }),
  audit: (query: AuditQuery, signal?: AbortSignal) =>
    request('get', '/admin/audit', { query: { limit: 50, ...query }, signal }),
  endConnection: (id: string) => request('delete', '/admin/connections/{id}', { path: { id } }),

  documents: (query: DocumentQuery, signal?: AbortSignal) =>
    request('get', '/documents', { query: { limit: 50, ...query }, signal }),
  document: (id: string, signal?: AbortSignal) => request('get', '/documents/{id}', { path: { id }, signal }),
  createDocument: (body: Calling<'post', '/documents'>['body']) =>
    request('post', '/documents', { body, headers: once() }),
  renameDocument: (id: string, title: string) => request('patch', '/documents/{id}', { path: { id }, body: { title } }),
  transferDocument: (id: string, owner: string) =>
    request('patch', '/documents/{id}', { path: { id }, body: { owner } }),
  duplicateDocument: (id: string, title: string) =>
    request('post', '/documents/{id}/duplicate', { path: { id }, body: { title }, headers: once() }),
  purgeDocument: (id: string) => request('delete', '/documents/{id}', { path: { id }, query: { forever: true } }),
  trashDocument: (id: string) => request('delete', '/documents/{id}', { path: { id } }),
  restoreDocument: (id: string) => request('post', '/documents/{id}/restore', { path: { id } }),

  members: (id: string, signal?: AbortSignal) =>
    all((cursor) =>
      request('get', '/documents/{id}/members', { path: { id }, query: { limit: most, cursor }, signal }),
    ),
  setMember: (id: string, userId: string, role: DocumentRole) =>
    request('put', '/documents/{id}/members/{userId}', { path: { id, userId }, body: { role } }),
  removeMember: (id: string, userId: string) =>
    request('delete', '/documents/{id}/members/{userId}', { path: { id, userId } }),
};
