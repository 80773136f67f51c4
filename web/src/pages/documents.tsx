import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { DocumentInfo, User } from '../api/types';
import { useNoticeCenter } from '../notices/context';
import { Link, navigate } from '../router';
import { useSession } from '../session';
import { FormError } from '../ui/field';
import { Shell } from '../ui/shell';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import { when } from '../ui/when';

interface Listing {
  query: string;
  documents: DocumentInfo[];
  nextCursor: string | null;
  /** When the list was read, in milliseconds: "5 minutes ago" is counted from here. */
  readAt: number;
}

const roleMark: Record<DocumentInfo['role'], string> = {
  owner: '',
  editor: 'Can edit',
  commenter: 'View only',
  viewer: 'View only',
};

export function DocumentsPage({ user }: { user: User }) {
  useTitle('Documents');
  const { leave } = useSession();
  const center = useNoticeCenter();
  const [search, setSearch] = useState('');
  const [listing, setListing] = useState<Listing | null>(null);
  const [problem, setProblem] = useState('');
  const [trashed, setTrashed] = useState<DocumentInfo | null>(null);
  const create = useTask();
  const change = useTask();
  const firstRead = useRef(true);

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  const read = useCallback(async (query: string, signal?: AbortSignal) => {
    const page = await api.documents({ q: query }, signal);
    setProblem('');
    setListing({ query, documents: page.data, nextCursor: page.nextCursor ?? null, readAt: Date.now() });
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    // Wait until a typist pauses, but never with the first list.
    const timer = window.setTimeout(
      () => {
        read(search.trim(), abort.signal).catch((error: unknown) => {
          if (!abort.signal.aborted) failed(error);
        });
      },
      firstRead.current ? 0 : 180,
    );
    firstRead.current = false;
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [search, read, failed]);

  // What others did may have put a document on the list, or taken one away.
  useEffect(
    () =>
      center.onArrival(() => {
        read(search.trim()).catch(failed);
      }),
    [center, read, search, failed],
  );

  const more = async () => {
    if (!listing?.nextCursor) return;
    try {
      const page = await api.documents({ q: listing.query, cursor: listing.nextCursor });
      setListing({
        ...listing,
        documents: [...listing.documents, ...page.data],
        nextCursor: page.nextCursor ?? null,
      });
    } catch (error) {
      failed(error);
    }
  };

  const newDocument = () =>
    create.run(async () => {
      const made = await api.createDocument('Untitled');
      navigate(`/d/${made.id}`);
    });

  const trash = (doc: DocumentInfo) =>
    change.run(async () => {
      await api.trashDocument(doc.id);
      setTrashed(doc);
      await read(search.trim());
    });

  const restore = (doc: DocumentInfo) =>
    change.run(async () => {
      await api.restoreDocument(doc.id);
      setTrashed(null);
      await read(search.trim());
    });

  const empty = listing?.documents.length === 0;

  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>Documents</h1>
        <button
          type="button"
          className="button button-main"
          onClick={newDocument}
          disabled={create.busy}
          data-testid="new-document"
        >
          New document
        </button>
      </div>
      <div className="search">
        <label htmlFor="search" className="visually-hidden">
          Search titles
        </label>
        <input
          id="search"
          type="search"
          placeholder="Search titles"
          value={search}
          onChange={(e) => {
            setSearch(e.target.value);
          }}
        />
      </div>
      <FormError>{create.problem || change.problem || problem}</FormError>
      {trashed ? (
        <p className="callout callout-row" role="status">
          <span>“{trashed.title}” is in the trash.</span>
          <button type="button" className="button button-small" onClick={() => restore(trashed)}>
            Bring it back
          </button>
        </p>
      ) : null}

      {listing === null && !problem ? <p className="quiet">Reading the list…</p> : null}

      {empty && listing.query ? (
        <p className="quiet" data-testid="no-match">
          No title contains “{listing.query}”.
        </p>
      ) : null}

      {empty && !listing.query ? (
        <section className="empty" data-testid="empty">
          <h2>Write the first one</h2>
          <p>
            A document opens at once and saves itself as you type. Share it, and others write in it with you: you see
            their carets, and the badge beside the title tells when the server has what you wrote.
          </p>
          <button type="button" className="button button-main" onClick={newDocument} disabled={create.busy}>
            New document
          </button>
        </section>
      ) : null}

      {listing && !empty ? (
        <ul className="rows" data-testid="documents">
          {listing.documents.map((doc) => (
            <li key={doc.id} className="row">
              <Link href={`/d/${doc.id}`} className="row-main">
                <span className="row-title">{doc.title || 'Untitled'}</span>
                <span className="row-detail">
                  {doc.owner.id === user.id ? 'You' : doc.owner.name}
                  {roleMark[doc.role] ? ` · ${roleMark[doc.role]}` : ''}
                </span>
                <time className="row-when" dateTime={doc.updatedAt} title={new Date(doc.updatedAt).toLocaleString()}>
                  {when(doc.updatedAt, listing.readAt)}
                </time>
              </Link>
              {doc.role === 'owner' ? (
                <button
                  type="button"
                  className="button button-quiet button-small"
                  onClick={() => trash(doc)}
                  disabled={change.busy}
                  aria-label={`Move “${doc.title}” to the trash`}
                >
                  Delete
                </button>
              ) : null}
            </li>
          ))}
        </ul>
      ) : null}
      {listing?.nextCursor ? (
        <button type="button" className="button" onClick={more}>
          Show more
        </button>
      ) : null}
    </Shell>
  );
}
