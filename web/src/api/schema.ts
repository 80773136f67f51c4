// Made from openapi.json by "npm run types"; not to be edited.

export interface paths {
  '/api/v1/admin/audit': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read the audit log
     * @description Who did what, from where: logins, accounts, access to documents, deletions, API keys, what admins do. Newest first. Nobody can change an entry, and none is deleted before its time (`--audit-retention`, which is for ever unless set), which leaves the entry `audit.sweep`. The use of an API key is recorded once a day for each address. Admins only. Scope of API keys: `admin`.
     */
    get: operations['listAudit'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/admin/connections/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * End a connection
     * @description On whichever server it is, with close code 4403. Admins only. 503 when it isn't on the server that answers and the others can't be known. Scope of API keys: `admin`.
     */
    delete: operations['endConnection'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/admin/editors': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Who is online
     * @description Every connection to every document on every server, oldest first. Admins only. Scope of API keys: `admin`.
     */
    get: operations['listEveryone'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/admin/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Follow who is online
     * @description Server-Sent Events: first a `snapshot`, then `join`, `leave` and `change`, each with one editor, and `scope` when the people of other servers become known or unknown. A stream that breaks off begins with a new snapshot. Admins only. Scope of API keys: `admin`.
     */
    get: operations['followEveryone'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/admin/nodes': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Which servers run
     * @description And whether the database and Redis answer. Admins only. Scope of API keys: `admin`.
     */
    get: operations['listNodes'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/admin/statistics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * How large things are, and how they go
     * @description What is counted in the database may be a minute old. The rest is of the server that answers. Admins only. Scope of API keys: `admin`.
     */
    get: operations['readStatistics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/api-keys': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List my API keys
     * @description Newest first, expired ones included.
     */
    get: operations['listKeys'];
    put?: never;
    /**
     * Make an API key
     * @description A key lets a program do, within its scopes, what I may do. `documents:read` is for reading documents and who is there, `documents:write` for creating and changing them and their members (it doesn't include reading), `tokens` for collaboration tokens, `admin` for what admins do. No key can log in, change its own account's password or make keys.
     */
    post: operations['createKey'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/api-keys/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Delete an API key
     * @description It is refused from then on, and so are the collaboration tokens that were made with it; their sockets are closed on every server.
     */
    delete: operations['deleteKey'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List my documents
     * @description `cursor` goes on with the `filter` and `sort` that it was made for. Scope of API keys: `documents:read`.
     */
    get: operations['listDocuments'];
    put?: never;
    /**
     * Create a document
     * @description 201, or 200 with the existing document, as it is, when the key is one of yours. With `content` it begins with that: a Yjs update of a whole document (format `yjs`, base64 of v1), which is checked as a client's is, or a plain text (format `text`, for the kind `text`). The request has at most 8 MiB; what is larger comes through the socket. Scope of API keys: `documents:write`.
     */
    post: operations['createDocument'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read a document's entry
     * @description Scope of API keys: `documents:read`.
     */
    get: operations['getDocument'];
    put?: never;
    post?: never;
    /**
     * Move a document to the trash
     * @description Owners. Closes its sockets with 4404. It is deleted for good after 30 days, or with `forever`, which takes it from the trash at once: nobody can bring it back then. Scope of API keys: `documents:write`.
     */
    delete: operations['deleteDocument'];
    options?: never;
    head?: never;
    /**
     * Rename or transfer a document
     * @description Editors and owners rename it; owners change its key and transfer it. What is left out stays; all else is changed, or nothing. Scope of API keys: `documents:write`.
     */
    patch: operations['changeDocument'];
    trace?: never;
  };
  '/api/v1/documents/{id}/content': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read a document's content
     * @description The committed content of this moment. 409 `document_damaged` when what is stored can't be read to its end. Scope of API keys: `documents:read`.
     */
    get: operations['getContent'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/duplicate': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Duplicate a document
     * @description The copy is the caller's alone, and has the committed content of this moment. Scope of API keys: `documents:write`.
     */
    post: operations['duplicateDocument'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/editors': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Who has a document open
     * @description One entry a connection, oldest first, the same on every server. Scope of API keys: `documents:read`.
     */
    get: operations['listEditors'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Follow who has a document open
     * @description Server-Sent Events: first a `snapshot`, then `join`, `leave` and `change`, each with one editor, and `scope` when the people of other servers become known or unknown. A stream that breaks off begins with a new snapshot. It ends with the right to read the document. Scope of API keys: `documents:read`.
     */
    get: operations['followEditors'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/members': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List a document's members
     * @description Scope of API keys: `documents:read`.
     */
    get: operations['listMembers'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/members/{userId}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    /**
     * Add a member or change a role
     * @description Owners. Takes effect on open sockets. A person of another system can't get more than the member whose API key let them in: 409 `above_lender`. What an owner has said of them stays when a program asks for a token for them. Scope of API keys: `documents:write`.
     */
    put: operations['setMember'];
    post?: never;
    /**
     * Remove a member
     * @description Owners; everyone may leave, but for the last owner: 409 `last_owner`. Closes their sockets with 4403. Whom their API keys have let in goes with them. Scope of API keys: `documents:write`.
     */
    delete: operations['removeMember'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/restore': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Bring a document back from the trash
     * @description Owners. Scope of API keys: `documents:write`.
     */
    post: operations['restoreDocument'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/documents/{id}/tokens': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Make a collaboration token
     * @description For opening this document's socket as oneself, never with more than one's own role. With an API key, `user` names a person of your own system instead, a guest of that key, who becomes a member with the token's role (editor at most; the last token says which), and stays one until they are removed or the key ends; where your own role is lowered or taken away, so is theirs. Whom an owner has removed, or left a lower role, gets no more by the token of somebody who is no owner: 403 `guest_limited`. A key has at most 10,000 such people, and a document 1,000 members, unless the server is set otherwise: 409. One that is made with an API key ends with it, and so do its sockets. Scope of API keys: `tokens`.
     */
    post: operations['createToken'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/invitations': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Accept an invitation
     * @description Sets the password of the account that the one-time link is for (an invitation, or one for a new password), ends its other logins, and logs in.
     */
    post: operations['acceptInvitation'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/notifications': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List my notices
     * @description Newest first. The newest thousand are kept. Scope of API keys: `documents:read`.
     */
    get: operations['listNotices'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/notifications/read': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Mark all my notices as read
     * @description Scope of API keys: `documents:write`.
     */
    post: operations['readNotices'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/notifications/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Follow my notices
     * @description Server-Sent Events: each new notice as event `notice`. It ends with the login; whoever comes back with `Last-Event-ID` misses none. Scope of API keys: `documents:read`.
     */
    get: operations['streamNotices'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/notifications/{id}/read': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Mark a notice as read
     * @description Doing it again changes nothing. Scope of API keys: `documents:write`.
     */
    post: operations['readNotice'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/people': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Find people to share with
     * @description Accounts whose email address begins with `q`, or of whose name a word does, without regard to case; an address that is equal comes first. Disabled accounts are left out. Scope of API keys: `documents:read`.
     */
    get: operations['findPeople'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/session': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who am I */
    get: operations['whoami'];
    put?: never;
    /**
     * Log in
     * @description Sets the session cookie. Five failed attempts a minute for one account and address.
     */
    post: operations['login'];
    /**
     * Log out
     * @description Ends this login and closes the sockets that were opened with its cookie.
     */
    delete: operations['logout'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/sessions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Where I am logged in
     * @description Newest login first.
     */
    get: operations['listSessions'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/sessions/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /**
     * Log a device of mine out
     * @description Closes the sockets and streams that were opened with its cookie, on every server.
     */
    delete: operations['deleteSession'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/setup': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Does the first account have to be created? */
    get: operations['getSetup'];
    put?: never;
    /**
     * Create the first admin
     * @description With the token of the link that the server prints when it starts without accounts. Logs in.
     */
    post: operations['setup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/users': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List accounts
     * @description Oldest first. Admins only. Scope of API keys: `admin`.
     */
    get: operations['listUsers'];
    put?: never;
    /**
     * Create an account
     * @description Admins only. Without a password the answer has a one-time invitation link. Scope of API keys: `admin`.
     */
    post: operations['createUser'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/users/me': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    /**
     * Change my name
     * @description Those who have a document open with me see it when I come back to it.
     */
    patch: operations['changeMe'];
    trace?: never;
  };
  '/api/v1/users/me/password': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    /**
     * Change my password
     * @description Ends all my other logins, and closes their sockets and streams on every server. Five failed attempts a minute. 403 `invalid_credentials` when the current password is wrong.
     */
    put: operations['changePassword'];
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/users/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Read an account
     * @description Admins read any, everyone their own. Scope of API keys: `admin`.
     */
    get: operations['getUser'];
    put?: never;
    post?: never;
    /**
     * Delete an account
     * @description Admins only, and not their own. For good: its logins, API keys and memberships end, its sockets and streams are closed on every server; what it has written stays, without a name. `heir` becomes an owner of the documents that were its own or would be nobody's. 409 when no admin would be left. Scope of API keys: `admin`.
     */
    delete: operations['deleteUser'];
    options?: never;
    head?: never;
    /**
     * Change an account
     * @description Admins only. What is left out stays. Disabling ends the account's logins, and closes its sockets and streams on every server. 409 when no admin would be left. Scope of API keys: `admin`.
     */
    patch: operations['changeUser'];
    trace?: never;
  };
  '/api/v1/users/{id}/presence': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Whether somebody is online, and where
     * @description For oneself, for admins, and for whoever shares a document with them, who sees the shared documents only. Scope of API keys: `documents:read`.
     */
    get: operations['getPresence'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/users/{id}/reset': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Make a link for a new password
     * @description Admins only. The one-time link is good for a day; it is to be handed to the account's owner, who chooses a password there (`POST /invitations`). Until then the password so far holds. 409 for a disabled account; 403 for the own account of an API key. Scope of API keys: `admin`.
     */
    post: operations['resetPassword'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    AdminEditor: {
      /** Format: uuid */
      connectionId: string;
      document: components['schemas']['Titled'];
      /**
       * Format: date-time
       * @description Last edit or change of presence.
       */
      lastActive: string;
      /** @description The server that holds the connection. */
      node: string;
      /** @enum {string} */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
      /** Format: date-time */
      since: string;
      user: components['schemas']['Person'];
    };
    AuditEntry: {
      /**
       * @description What was done.
       * @example document.share
       */
      action: string;
      /** @description Who did it, by the name of then; left out when that isn't known. */
      actor?: components['schemas']['Person'];
      /** @description From which network address. */
      address: string;
      /** Format: date-time */
      at: string;
      /**
       * @description What else there is to say.
       * @example Bo: editor
       */
      detail?: string;
      /** Format: uuid */
      id: string;
      /**
       * Format: uuid
       * @description The API key that it was done with.
       */
      key?: string;
      /**
       * @description What that was called then: a title, a person's name.
       * @example Plans for spring
       */
      name?: string;
      /**
       * @description What it was done to: an id.
       * @example 0198c0de-5eed-7000-8000-0000000000ad
       */
      subject?: string;
    };
    ChangeDocumentInputBody: {
      /** @description Another unique name of your own; empty: none. Owners only. */
      key?: string;
      /**
       * Format: uuid
       * @description The account to which the document is transferred: it becomes an owner, and its documents' list says that it is its own. Owners only; they stay members.
       */
      owner?: string;
      title?: string;
    };
    ChangePasswordInputBody: {
      /**
       * @description The password until now.
       * @example correct horse battery
       */
      current: string;
      /**
       * @description At least 8 characters.
       * @example staple correct horse
       */
      new: string;
    };
    ChangeUserInputBody: {
      /** @description A disabled account can't log in; its logins end. */
      disabled?: boolean;
      /** @description Shown to others. */
      name?: string;
      /** @enum {string} */
      role?: 'admin' | 'member';
    };
    CollaborationToken: {
      /**
       * Format: date-time
       * @description It opens sockets until then; open ones stay.
       */
      expiresAt: string;
      /** @description JWT, HS256; put it in the parameter token of the socket's URL. */
      token: string;
      /**
       * Format: uri
       * @description Base URL of the sockets.
       */
      url: string;
    };
    CreateDocumentInputBody: {
      /**
       * @description What it begins with.
       * @example AQHr+7WICQAEAQpjb2RlbWlycm9yBUhlbGxvAA==
       */
      content?: string;
      /**
       * @description Of content. yjs: a Yjs update, v1, of a whole document, in base64. text: the text itself, for the kind text. Left out: text for the kind text, yjs for others.
       * @enum {string}
       */
      format?: 'yjs' | 'text';
      /** @description A unique name of your own: an existing one that is yours answers 200. Letters, digits and . _ ~ : @ - */
      key?: string;
      /**
       * @description rich: formatted text. text: plain text or code.
       * @default rich
       * @enum {string}
       */
      kind?: 'rich' | 'text';
      title: string;
    };
    CreateKeyInputBody: {
      /**
       * Format: date-time
       * @description Never, when left out.
       */
      expiresAt?: string;
      /** @description What it is for. */
      name: string;
      scopes: ('documents:read' | 'documents:write' | 'tokens' | 'admin')[];
    };
    CreateTokenInputBody: {
      /**
       * Format: int64
       * @description Seconds; an hour when left out.
       */
      expiresIn?: number;
      /**
       * @description At most your own, which is the default.
       * @enum {string}
       */
      role?: 'viewer' | 'commenter' | 'editor' | 'owner';
      /** @description A person of your own system, with an API key: they need no account here. */
      user?: components['schemas']['UserStruct'];
    };
    CreateUserInputBody: {
      email: string;
      /** @description Shown to others. */
      name: string;
      /** @description Leave it out to get an invitation link. */
      password?: string;
      /** @enum {string} */
      role: 'admin' | 'member';
    };
    DatabaseState: {
      /** @enum {string} */
      kind: 'sqlite' | 'postgres';
      /** @enum {string} */
      status: 'ok' | 'unavailable';
    };
    Device: {
      /** @description From where it logged in. */
      address: string;
      /** Format: date-time */
      createdAt: string;
      /** @description It is the login that asks. */
      current: boolean;
      /**
       * Format: date-time
       * @description If it isn't used before.
       */
      expiresAt: string;
      /** Format: uuid */
      id: string;
      /**
       * Format: date-time
       * @description Exact to a minute.
       */
      lastSeen: string;
      /** @description As the browser called itself when it logged in. */
      userAgent: string;
    };
    Document: {
      /** Format: date-time */
      createdAt: string;
      /**
       * Format: date-time
       * @description When it was moved to the trash.
       */
      deletedAt?: string;
      /**
       * Format: date-time
       * @description When it is deleted for good if it stays there.
       */
      expiresAt?: string;
      /** Format: uuid */
      id: string;
      /** @description A unique name of your own. */
      key?: string;
      /**
       * @description rich: formatted text, in the XML fragment default. text: plain text or code, in the Y.Text codemirror.
       * @enum {string}
       */
      kind: 'rich' | 'text';
      /** @description Who created it, or to whom it was transferred. */
      owner: components['schemas']['Person'];
      /**
       * @description Yours.
       * @enum {string}
       */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
      title: string;
      /**
       * Format: date-time
       * @description Of title, members or content.
       */
      updatedAt: string;
    };
    DuplicateDocumentInputBody: {
      /** @description Of the copy; left out: that of the document, with (copy) behind it. */
      title?: string;
    };
    Editor: {
      /** Format: uuid */
      connectionId: string;
      /**
       * Format: date-time
       * @description Last edit or change of presence.
       */
      lastActive: string;
      /** @description The server that holds the connection. */
      node: string;
      /** @enum {string} */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
      /** Format: date-time */
      since: string;
      user: components['schemas']['Person'];
    };
    EditorListAdminEditor: {
      /** @description False while the people of other servers can't be known, since Redis is away: then only those of the server that answers are listed. */
      complete: boolean;
      data: components['schemas']['AdminEditor'][];
    };
    EditorListEditor: {
      /** @description False while the people of other servers can't be known, since Redis is away: then only those of the server that answers are listed. */
      complete: boolean;
      data: components['schemas']['Editor'][];
    };
    EditorScope: {
      /** @description Whether the people of all servers are known. */
      complete: boolean;
    };
    EditorSnapshotAdminEditor: {
      /** @description Whether the people of all servers are known. */
      complete: boolean;
      editors: components['schemas']['AdminEditor'][];
    };
    EditorSnapshotEditor: {
      /** @description Whether the people of all servers are known. */
      complete: boolean;
      editors: components['schemas']['Editor'][];
    };
    FindPeopleOutputBody: {
      /** @description Best match first. */
      data: components['schemas']['FoundPerson'][];
    };
    FoundPerson: {
      /** Format: email */
      email: string;
      /** Format: uuid */
      id: string;
      name: string;
    };
    Invitation: {
      /** Format: date-time */
      expiresAt: string;
      /** Format: uri */
      url: string;
    };
    InvitationInputBody: {
      password: string;
      /** @description From the fragment of the invitation link. */
      token: string;
    };
    InvitedUser: {
      /** Format: date-time */
      createdAt: string;
      /** @description A disabled account can't log in. */
      disabled: boolean;
      /** Format: email */
      email: string;
      /** Format: uuid */
      id: string;
      invitation?: components['schemas']['Invitation'];
      /** @description Shown to others. */
      name: string;
      /** @enum {string} */
      role: 'admin' | 'member';
      /** Format: date-time */
      updatedAt: string;
    };
    Key: {
      /** Format: date-time */
      createdAt: string;
      /**
       * Format: date-time
       * @description Left out when it never does.
       */
      expiresAt?: string;
      /** Format: uuid */
      id: string;
      /**
       * Format: date-time
       * @description Exact to a minute; left out when it was never used.
       */
      lastUsed?: string;
      name: string;
      scopes: ('documents:read' | 'documents:write' | 'tokens' | 'admin')[];
    };
    ListAuditEntry: {
      data: components['schemas']['AuditEntry'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    ListDevice: {
      data: components['schemas']['Device'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    ListDocument: {
      data: components['schemas']['Document'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    ListKey: {
      data: components['schemas']['Key'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    ListMember: {
      data: components['schemas']['Member'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    ListNoticesOutputBody: {
      data: components['schemas']['Notice'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
      /**
       * Format: int64
       * @description How many are unread, on whatever page.
       */
      unread: number;
    };
    ListUser: {
      data: components['schemas']['User'][];
      /** @description Asks for the next page; empty on the last one. */
      nextCursor: string;
    };
    LoginInputBody: {
      email: string;
      password: string;
    };
    Member: {
      /** Format: date-time */
      createdAt: string;
      /** @enum {string} */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
      user: components['schemas']['MemberUser'];
    };
    MemberUser: {
      /** @description A guest has none. */
      email?: string;
      /** @description A person of another system, for whom a program made a token: without an account of their own. */
      guest: boolean;
      /** Format: uuid */
      id: string;
      name: string;
    };
    NewKey: {
      /** Format: date-time */
      createdAt: string;
      /**
       * Format: date-time
       * @description Left out when it never does.
       */
      expiresAt?: string;
      /** Format: uuid */
      id: string;
      /** @description For the header Authorization: Bearer. It is stored as a hash only: keep it, it can't be shown again. */
      key: string;
      /**
       * Format: date-time
       * @description Exact to a minute; left out when it was never used.
       */
      lastUsed?: string;
      name: string;
      scopes: ('documents:read' | 'documents:write' | 'tokens' | 'admin')[];
    };
    Node: {
      /**
       * Format: int64
       * @description Collaboration sockets in documents.
       */
      connections: number;
      /**
       * Format: int64
       * @description Documents that somebody has open there.
       */
      documents: number;
      /**
       * Format: uuid
       * @description Of this run; new at every start.
       */
      id: string;
      name: string;
      /** @description It is the one that answers. */
      self: boolean;
      /** Format: date-time */
      startedAt: string;
      version: string;
    };
    NodesOutputBody: {
      /** @description False while the other servers can't be known, since Redis is away. */
      complete: boolean;
      /** @description Oldest first. */
      data: components['schemas']['Node'][];
      database: components['schemas']['DatabaseState'];
      redis: components['schemas']['RedisState'];
    };
    Notice: {
      /** @description Who did it; left out when it was nobody in particular. */
      actor?: components['schemas']['Person'];
      /** Format: date-time */
      createdAt: string;
      /** @description Its title is that of the moment. */
      document: components['schemas']['Titled'];
      /** Format: uuid */
      id: string;
      /** @enum {string} */
      kind: 'document.shared' | 'document.role' | 'document.removed' | 'document.deleted' | 'document.restored';
      /**
       * Format: date-time
       * @description Left out while it is unread.
       */
      readAt?: string;
      /**
       * @description Yours since then; left out when you have none any more.
       * @enum {string}
       */
      role?: 'viewer' | 'commenter' | 'editor' | 'owner';
    };
    OpenDocument: {
      /** Format: uuid */
      id: string;
      /**
       * Format: date-time
       * @description Last edit or change of presence.
       */
      lastActive: string;
      /**
       * @description Theirs.
       * @enum {string}
       */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
      /** Format: date-time */
      since: string;
      title: string;
    };
    Person: {
      /** Format: uuid */
      id: string;
      name: string;
    };
    PresenceOutputBody: {
      /** @description False while the people of other servers can't be known, since Redis is away. */
      complete: boolean;
      /** @description Those that they have open and that you may see; longest open first. */
      documents: components['schemas']['OpenDocument'][];
      online: boolean;
    };
    Problem: {
      /**
       * @description What went wrong, for a program; stable.
       * @example not_found
       */
      code: string;
      /**
       * @description What went wrong, for a person.
       * @example no such document
       */
      detail: string;
      /** @description What is wrong with which part of the request. */
      errors?: components['schemas']['ProblemField'][] | null;
      /**
       * Format: int64
       * @description The HTTP status.
       * @example 404
       */
      status: number;
      /**
       * @description The status in words.
       * @example Not Found
       */
      title: string;
      /**
       * @description Always about:blank: the code says more.
       * @example about:blank
       */
      type: string;
    };
    ProblemField: {
      /**
       * @description Where, such as body.title.
       * @example body.title
       */
      location: string;
      /**
       * @description What is wrong with it.
       * @example expected string
       */
      message: string;
    };
    ReadNoticesInputBody: Record<string, never>;
    RedisState: {
      /** @enum {string} */
      status: 'ok' | 'unavailable' | 'none';
    };
    RenameMeInputBody: {
      /** @description Shown to others. */
      name: string;
    };
    SetMemberInputBody: {
      /** @enum {string} */
      role: 'viewer' | 'commenter' | 'editor' | 'owner';
    };
    SetupInputBody: {
      email: string;
      name: string;
      password: string;
      /** @description From the fragment of the printed link. */
      token: string;
    };
    SetupNeededBody: {
      /** @description No account exists yet. */
      needed: boolean;
    };
    Statistics: {
      /** @description From receiving an edit to its being committed; of the last minute or two. */
      acks: components['schemas']['StatisticsSpread'];
      /** @description On this server; durations of the last minute or two. */
      commits: components['schemas']['StatisticsCommits'];
      /**
       * Format: int64
       * @description To documents, on this server.
       * @example 19
       */
      connections: number;
      /**
       * Format: int64
       * @description Documents that could not be read to their end when this server last opened them.
       * @example 0
       */
      damaged: number;
      database: components['schemas']['StatisticsDatabase'];
      /**
       * Format: int64
       * @description Without those in the trash.
       * @example 310
       */
      documents: number;
      /**
       * Format: int64
       * @example 84
       */
      goroutines: number;
      /**
       * Format: int64
       * @description Accounts that API keys have made for people of other systems.
       * @example 3
       */
      guests: number;
      memory: components['schemas']['StatisticsMemory'];
      /** @description This server's name. */
      node: string;
      /**
       * Format: int64
       * @description Documents that this server has open.
       * @example 12
       */
      rooms: number;
      /**
       * Format: int64
       * @description Documents in the trash.
       * @example 4
       */
      trashed: number;
      /**
       * Format: double
       * @description Seconds since this server was started.
       * @example 86400
       */
      uptime: number;
      /**
       * Format: int64
       * @description Accounts of people.
       * @example 24
       */
      users: number;
      version: string;
    };
    StatisticsCommits: {
      /**
       * Format: int64
       * @description Tries that failed, since the start; each is made again.
       * @example 0
       */
      failures: number;
      /**
       * Format: double
       * @description Half of them took at most so many seconds; 0 when there were none.
       * @example 0.0013
       */
      p50: number;
      /**
       * Format: double
       * @description Of a hundred, 99 took at most so many seconds; 0 when there were none.
       * @example 0.0042
       */
      p99: number;
      /**
       * Format: int64
       * @description Since the start.
       * @example 52310
       */
      total: number;
    };
    StatisticsDatabase: {
      /**
       * Format: int64
       * @description On disk.
       * @example 73400320
       */
      bytes: number;
      /** @enum {string} */
      kind: 'sqlite' | 'postgres';
      /**
       * Format: int64
       * @description Updates that are kept one by one; about, in a large database.
       * @example 1840
       */
      logRows: number;
    };
    StatisticsMemory: {
      /**
       * Format: int64
       * @description Of the whole process, as the Go runtime counts.
       * @example 68157440
       */
      bytes: number;
      /**
       * Format: int64
       * @description Of that, what is in use.
       * @example 31457280
       */
      heap: number;
    };
    StatisticsSpread: {
      /**
       * Format: double
       * @description Half of them took at most so many seconds; 0 when there were none.
       * @example 0.0013
       */
      p50: number;
      /**
       * Format: double
       * @description Of a hundred, 99 took at most so many seconds; 0 when there were none.
       * @example 0.0042
       */
      p99: number;
    };
    Titled: {
      /** Format: uuid */
      id: string;
      title: string;
    };
    User: {
      /** Format: date-time */
      createdAt: string;
      /** @description A disabled account can't log in. */
      disabled: boolean;
      /** Format: email */
      email: string;
      /** Format: uuid */
      id: string;
      /** @description Shown to others. */
      name: string;
      /** @enum {string} */
      role: 'admin' | 'member';
      /** Format: date-time */
      updatedAt: string;
    };
    UserStruct: {
      /**
       * @description Your own word for the person.
       * @example customer-17
       */
      id: string;
      /** @description Shown to others. */
      name: string;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  listAudit: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
        /** @description Only what this account did. */
        actor?: string;
        /** @description Only this action; or all that begin so, when it ends with a dot: document. */
        action?: string;
        /** @description Only what was done to this: an account, a document, an API key. */
        subject?: string;
        /** @description Not before. */
        from?: string;
        /** @description Before. */
        to?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListAuditEntry'];
        };
      };
    };
  };
  endConnection: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the connection. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  listEveryone: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['EditorListAdminEditor'];
        };
      };
    };
  };
  followEveryone: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Who is online, and what changes */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': (
            | {
                data: components['schemas']['EditorSnapshotAdminEditor'];
                /** @enum {string} */
                event: 'snapshot';
              }
            | {
                data: components['schemas']['AdminEditor'];
                /** @enum {string} */
                event: 'join';
              }
            | {
                data: components['schemas']['AdminEditor'];
                /** @enum {string} */
                event: 'leave';
              }
            | {
                data: components['schemas']['AdminEditor'];
                /** @enum {string} */
                event: 'change';
              }
            | {
                data: components['schemas']['EditorScope'];
                /** @enum {string} */
                event: 'scope';
              }
          )[];
        };
      };
    };
  };
  listNodes: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NodesOutputBody'];
        };
      };
    };
  };
  readStatistics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Statistics'];
        };
      };
    };
  };
  listKeys: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListKey'];
        };
      };
    };
  };
  createKey: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again.
         * @example 7f1c0b52-order-17
         */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['CreateKeyInputBody'];
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NewKey'];
        };
      };
    };
  };
  deleteKey: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  listDocuments: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
        /** @description Only titles that contain this. */
        q?: string;
        /** @description owned: of which I am an owner. shared: in which I have a lower role. trash: mine in the trash. Left out: all but the trash. */
        filter?: 'owned' | 'shared' | 'trash';
        /** @description changed, created: newest first; the trash by deletion with changed. title: without regard to case. */
        sort?: 'changed' | 'title' | 'created';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListDocument'];
        };
      };
    };
  };
  createDocument: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again.
         * @example 7f1c0b52-order-17
         */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['CreateDocumentInputBody'];
      };
    };
    responses: {
      /** @description The document that has this key already */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
    };
  };
  getDocument: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETags that the caller has. */
        'If-None-Match'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
    };
  };
  deleteDocument: {
    parameters: {
      query?: {
        /** @description Delete it for good. It must be in the trash. */
        forever?: boolean;
      };
      header?: {
        /** @description ETags of the entry: 412 when it has none of them any more. */
        'If-Match'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  changeDocument: {
    parameters: {
      query?: never;
      header?: {
        /** @description ETags of the entry: 412 when it has none of them any more. */
        'If-Match'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ChangeDocumentInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
    };
  };
  getContent: {
    parameters: {
      query?: {
        /** @description text: the plain text. markdown, html: a rich document in that form; of a plain text the text as it stands, in html in a pre element. json: a rich document as ProseMirror's JSON, a plain text as its delta (a list of {insert, attributes}). yjs: the state as a Yjs update, v1. */
        format?: 'text' | 'markdown' | 'html' | 'json' | 'yjs';
        /** @description Which root type, with any format but yjs; left out, the only one, or default. */
        field?: string;
      };
      header?: {
        /** @description ETags that the caller has. */
        'If-None-Match'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The content */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': Record<string, never> | Record<string, never>[];
          'application/octet-stream': string;
          'text/html; charset=utf-8': string;
          'text/markdown; charset=utf-8': string;
          'text/plain; charset=utf-8': string;
        };
      };
    };
  };
  duplicateDocument: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again.
         * @example 7f1c0b52-order-17
         */
        'Idempotency-Key'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['DuplicateDocumentInputBody'];
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
    };
  };
  listEditors: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['EditorListEditor'];
        };
      };
    };
  };
  followEditors: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Who is online, and what changes */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': (
            | {
                data: components['schemas']['EditorSnapshotEditor'];
                /** @enum {string} */
                event: 'snapshot';
              }
            | {
                data: components['schemas']['Editor'];
                /** @enum {string} */
                event: 'join';
              }
            | {
                data: components['schemas']['Editor'];
                /** @enum {string} */
                event: 'leave';
              }
            | {
                data: components['schemas']['Editor'];
                /** @enum {string} */
                event: 'change';
              }
            | {
                data: components['schemas']['EditorScope'];
                /** @enum {string} */
                event: 'scope';
              }
          )[];
        };
      };
    };
  };
  listMembers: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
      };
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListMember'];
        };
      };
    };
  };
  setMember: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
        /** @description Of the account. */
        userId: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['SetMemberInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Member'];
        };
      };
    };
  };
  removeMember: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
        /** @description Of the account. */
        userId: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  restoreDocument: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Document'];
        };
      };
    };
  };
  createToken: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again.
         * @example 7f1c0b52-order-17
         */
        'Idempotency-Key'?: string;
      };
      path: {
        /** @description The document's id or key. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['CreateTokenInputBody'];
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['CollaborationToken'];
        };
      };
    };
  };
  acceptInvitation: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['InvitationInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  listNotices: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
        /** @description Only those that were not read. */
        unread?: boolean;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListNoticesOutputBody'];
        };
      };
    };
  };
  readNotices: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['ReadNoticesInputBody'];
      };
    };
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  streamNotices: {
    parameters: {
      query?: never;
      header?: {
        /** @description Goes on after that event; without it, only what is new is sent. */
        'Last-Event-ID'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The notices as they come */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/event-stream': {
            data: components['schemas']['Notice'];
            /** @enum {string} */
            event: 'notice';
          }[];
        };
      };
    };
  };
  readNotice: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the notice. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  findPeople: {
    parameters: {
      query?: {
        /** @description The beginning of a name, of another word of it, or of an email address. Without it nobody is found. */
        q?: string;
        /** @description At most so many. */
        limit?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['FindPeopleOutputBody'];
        };
      };
    };
  };
  whoami: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  login: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['LoginInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  logout: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  listSessions: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListDevice'];
        };
      };
    };
  };
  deleteSession: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the login. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  getSetup: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SetupNeededBody'];
        };
      };
    };
  };
  setup: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['SetupInputBody'];
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  listUsers: {
    parameters: {
      query?: {
        /** @description At most so many. */
        limit?: number;
        /** @description nextCursor of the page before. */
        cursor?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ListUser'];
        };
      };
    };
  };
  createUser: {
    parameters: {
      query?: never;
      header?: {
        /**
         * @description Your own word for this request, in visible ASCII. For 24 hours the same request with the same word is answered as the first time, with `Idempotency-Replayed: true`, and not done again.
         * @example 7f1c0b52-order-17
         */
        'Idempotency-Key'?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['CreateUserInputBody'];
      };
    };
    responses: {
      /** @description Created */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['InvitedUser'];
        };
      };
    };
  };
  changeMe: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RenameMeInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  changePassword: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ChangePasswordInputBody'];
      };
    };
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  getUser: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the account. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  deleteUser: {
    parameters: {
      query?: {
        /** @description The account that gets what would be nobody's; left out: yours. */
        heir?: string;
      };
      header?: never;
      path: {
        /** @description Of the account. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No Content */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
    };
  };
  changeUser: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the account. */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['ChangeUserInputBody'];
      };
    };
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['User'];
        };
      };
    };
  };
  getPresence: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the account. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['PresenceOutputBody'];
        };
      };
    };
  };
  resetPassword: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of the account. */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OK */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Invitation'];
        };
      };
    };
  };
}
