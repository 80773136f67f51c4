// Short names for what the REST interface speaks of; the shapes come from its description.
import type { Calling } from './request';
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];
export type AccountRole = User['role'];
export type Invitation = Schemas['Invitation'];

export type DocumentInfo = Schemas['Document'];
/** A role in one document, weakest first. A commenter is a viewer until comments exist. */
export type DocumentRole = DocumentInfo['role'];
export type DocumentKind = NonNullable<DocumentInfo['kind']>;
type ListQuery = NonNullable<Calling<'get', '/documents'>['query']>;
export type DocumentSort = NonNullable<ListQuery['sort']>;
/** Which documents a list shows. */
export type DocumentView = 'all' | NonNullable<ListQuery['filter']>;
export type Member = Schemas['Member'];
/** Somebody with whom a document can be shared. */
export type Person = Schemas['FoundPerson'];

/** One connection that has a document open. Ids and times are the server's. */
export type Editor = Schemas['Editor'];
/** A connection as administrators see it. */
export type OnlineEditor = Schemas['AdminEditor'];
/** One running server. */
export type ServerNode = Schemas['Node'];
export type Nodes = Schemas['NodesOutputBody'];

/** Something that another person did to what one may do. */
export type Notice = Schemas['Notice'];
export type NoticeKind = Notice['kind'];
export type NoticePage = Schemas['ListNoticesOutputBody'];

/** A browser in which one is logged in. */
export type Device = Schemas['Device'];

export type ApiKey = Schemas['Key'];
export type NewApiKey = Schemas['NewKey'];
export type ApiScope = ApiKey['scopes'][number];

export type Statistics = Schemas['Statistics'];
export type AuditEntry = Schemas['AuditEntry'];
export type AuditQuery = NonNullable<Calling<'get', '/admin/audit'>['query']>;
