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
