// The shapes of the REST interface under /api/v1, as this application uses them.

export type AccountRole = 'admin' | 'member';

/** A role in one document, weakest first. A commenter is a viewer until comments exist. */
export type DocumentRole = 'viewer' | 'commenter' | 'editor' | 'owner';

export interface User {
  id: string;
  email: string;
  name: string;
  role: AccountRole;
  disabled: boolean;
  createdAt: string;
  updatedAt: string;
}

export interface Invitation {
  url: string;
  expiresAt: string;
}

/** The answer to creating an account; `invitation` is there when no password was given. */
export type NewUser = User & { invitation?: Invitation };

export interface DocumentInfo {
  id: string;
  key?: string;
  title: string;
  role: DocumentRole;
  owner: { id: string; name: string };
  createdAt: string;
  updatedAt: string;
  deletedAt?: string;
}

export interface Member {
  user: { id: string; name: string; email: string };
  role: DocumentRole;
  createdAt: string;
}

/** One connection that has a document open. Ids and times are the server's. */
export interface Editor {
  connectionId: string;
  user: { id: string; name: string };
  role: DocumentRole;
  /** The server that holds the connection. */
  node: string;
  since: string;
  /** When the person last typed, or moved the caret. */
  lastActive: string;
}

/** A connection as administrators see it. */
export interface OnlineEditor extends Editor {
  document: { id: string; title: string };
}

/** One running server. */
export interface ServerNode {
  id: string;
  name: string;
  version: string;
  startedAt: string;
  connections: number;
  documents: number;
  /** The one that answered. */
  self: boolean;
}

export interface Nodes {
  data: ServerNode[];
  complete: boolean;
  database: { kind: string; status: string };
  redis: { status: string };
}

export type NoticeKind =
  'document.shared' | 'document.role' | 'document.removed' | 'document.deleted' | 'document.restored';

/** Something that another person did to what one may do. */
export interface Notice {
  id: string;
  kind: NoticeKind;
  document: { id: string; title: string };
  /** The role that one has since then, where the notice is about one. */
  role?: DocumentRole | null;
  actor?: { id: string; name: string } | null;
  createdAt: string;
  readAt?: string | null;
}

export interface NoticePage extends Page<Notice> {
  /** How many are unread in all. */
  unread: number;
}

/** A browser in which one is logged in. */
export interface Device {
  id: string;
  current: boolean;
  userAgent: string;
  address: string;
  createdAt: string;
  lastSeen: string;
  expiresAt: string;
}

export interface Page<T> {
  data: T[];
  nextCursor?: string | null;
}

/** RFC 9457 problem details; `code` is stable, the other words are for people. */
export interface Problem {
  status?: number;
  code?: string;
  title?: string;
  detail?: string;
  errors?: { message?: string; location?: string }[];
}
