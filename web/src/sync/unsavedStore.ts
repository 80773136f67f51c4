/** How long what is unsaved is kept for a document that isn't opened any more, in milliseconds. */
const keptFor = 30 * 24 * 3600 * 1000;

const database = 'bizsync';
const table = 'unsaved';

/** One stretch of edits that the server hadn't confirmed when it was kept. */
interface Kept {
  account: string;
  document: string;
  /** A Yjs update, v1. */
  update: Uint8Array;
  /** When it was kept, in milliseconds since 1970. */
  at: number;
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(request.error ?? new Error('the browser gave no reason'));
    };
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onerror = transaction.onabort = () => {
      reject(transaction.error ?? new Error('the browser gave no reason'));
    };
  });
}

async function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(database, 1);
  request.onupgradeneeded = () => {
    const records = request.result.createObjectStore(table, { autoIncrement: true });
    records.createIndex('document', ['account', 'document']);
    records.createIndex('at', 'at');
  };
  const opened = await settled(request);
  // Another tab with a newer version of the application must not wait for this one.
  opened.onversionchange = () => {
    opened.close();
  };
  return opened;
}

/** What was found for a document: the edits, oldest first, and by which keys to forget them. */
export interface Found {
  updates: Uint8Array[];
  keys: IDBValidKey[];
}

/**
 * Keeps one person's unsaved edits of one document in this browser, in IndexedDB. Only what the server hasn't got is
 * kept, and only for as long: nothing of a document stays on a shared computer once it is saved. Edits are kept by
 * account, since the server takes each person's edits from nobody else.
 */
export class UnsavedStore {
  readonly #account: string;
  readonly #document: string;
  readonly #database: IDBDatabase;

  private constructor(opened: IDBDatabase, account: string, document: string) {
    this.#database = opened;
    this.#account = account;
    this.#document = document;
  }

  /** Opens the store; fails where the browser allows none. */
  static async open(account: string, document: string): Promise<UnsavedStore> {
    return new UnsavedStore(await open(), account, document);
  }

  /** Reads what is kept, of this tab and others, and forgets what is too old, whosever it is. */
  async read(): Promise<Found> {
    const transaction = this.#database.transaction(table, 'readwrite');
    const records = transaction.objectStore(table);
    const old = await settled(records.index('at').getAllKeys(IDBKeyRange.upperBound(Date.now() - keptFor)));
    for (const key of old) records.delete(key);
    const mine = IDBKeyRange.only([this.#account, this.#document]);
    const index = records.index('document');
    const [keys, found] = await Promise.all([settled(index.getAllKeys(mine)), settled(index.getAll(mine))]);
    await finished(transaction);
    return { keys, updates: (found as Kept[]).map(({ update }) => update) };
  }

  /** Keeps an update; answers the key to forget it by, once it is on the disk. */
  async keep(update: Uint8Array): Promise<IDBValidKey> {
    const transaction = this.#database.transaction(table, 'readwrite');
    const record: Kept = { account: this.#account, document: this.#document, update, at: Date.now() };
    const key = await settled(transaction.objectStore(table).add(record));
    await finished(transaction);
    return key;
  }

  async forget(keys: readonly IDBValidKey[]): Promise<void> {
    const transaction = this.#database.transaction(table, 'readwrite');
    const records = transaction.objectStore(table);
    for (const key of keys) records.delete(key);
    await finished(transaction);
  }

  close(): void {
    this.#database.close();
  }
}
