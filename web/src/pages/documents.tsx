import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { DocumentInfo, DocumentKind, DocumentSort, DocumentView, User } from '../api/types';
import { EmptyList } from '../documents/empty';
import { Flash, type FlashText } from '../documents/flash';
import { DocumentRows } from '../documents/rows';
import { RenameDialog } from '../documents/rename';
import { useText } from '../i18n';
import { useNoticeCenter } from '../notices/context';
import { navigate } from '../router';
import { useSession } from '../session';
import { Confirm } from '../ui/confirm';
import { FormError } from '../ui/field';
import { Icon } from '../ui/icon';
import { Menu } from '../ui/menu';
import { Shell } from '../ui/shell';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import '../styles/documents.css';

interface Listing {
  query: string;
  documents: DocumentInfo[];
  nextCursor: string;
  /** When the list was read, in milliseconds: "5 minutes ago" is counted from here. */
  readAt: number;
}

const headings = {
  all: 'shell.documents',
  owned: 'shell.owned',
  shared: 'shell.shared',
  trash: 'shell.trash',
} as const;

const sorts: readonly DocumentSort[] = ['changed', 'title', 'created'];
const sortStoredAs = 'bizsync.sort';

function storedSort(): DocumentSort {
  try {
    const stored = window.localStorage.getItem(sortStoredAs);
    return sorts.find((sort) => sort === stored) ?? 'changed';
  } catch {
    return 'changed';
  }
}

/** Lists of documents: all, one's own, those shared by others, the trash. */
export function DocumentsPage({ user, view }: { user: User; view: DocumentView }) {
  const t = useText();
  useTitle(t(headings[view]));
  const { leave } = useSession();
  const center = useNoticeCenter();
  const [search, setSearch] = useState('');
  const [sort, setSort] = useState<DocumentSort>(storedSort);
  const [listing, setListing] = useState<Listing | null>(null);
  const [problem, setProblem] = useState('');
  const [flash, setFlash] = useState<FlashText | null>(null);
  const [renaming, setRenaming] = useState<DocumentInfo | null>(null);
  const [purging, setPurging] = useState<DocumentInfo | null>(null);
  const [leaving, setLeaving] = useState<DocumentInfo | null>(null);
  const create = useTask();
  const change = useTask();
  const firstRead = useRef(true);
  const searchField = useRef<HTMLInputElement>(null);

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  const ask = useCallback(
    (q: string, cursor: string, signal?: AbortSignal) =>
      api.documents(
        { q, cursor, ...(sort === 'changed' ? {} : { sort }), ...(view === 'all' ? {} : { filter: view }) },
        signal,
      ),
    [sort, view],
  );

  const read = useCallback(
    async (query: string, signal?: AbortSignal) => {
      const page = await ask(query, '', signal);
      setProblem('');
      setListing({ query, documents: page.data, nextCursor: page.nextCursor, readAt: Date.now() });
    },
    [ask],
  );

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

  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      const { target } = event;
      if (target instanceof HTMLElement && target.closest('input, textarea, select, dialog, [role=menu]')) return;
      event.preventDefault();
      searchField.current?.focus();
    };
    document.addEventListener('keydown', key);
    return () => {
      document.removeEventListener('keydown', key);
    };
  }, []);

  const more = async () => {
    if (!listing?.nextCursor) return;
    try {
      const page = await ask(listing.query, listing.nextCursor);
      setListing({ ...listing, documents: [...listing.documents, ...page.data], nextCursor: page.nextCursor });
    } catch (error) {
      failed(error);
    }
  };

  const make = (kind: DocumentKind) =>
    create.run(async () => {
      const made = await api.createDocument({ title: t('common.untitled'), ...(kind === 'rich' ? {} : { kind }) });
      navigate(`/d/${made.id}`);
    });

  /** Does something to a document, then says so and reads the list again. */
  const act = (work: () => Promise<FlashText | null>) =>
    change.run(async () => {
      setFlash(null);
      const said = await work();
      await read(search.trim());
      setFlash(said);
    });

  const named = (doc: DocumentInfo) => ({ title: doc.title || t('common.untitled') });

  const restore = (doc: DocumentInfo) =>
    act(async () => {
      await api.restoreDocument(doc.id);
      return { text: t('documents.restored', named(doc)) };
    });

  const trash = (doc: DocumentInfo) =>
    act(async () => {
      await api.trashDocument(doc.id);
      return {
        text: t('documents.trashed', named(doc)),
        action: t('documents.undo'),
        onAction: () => {
          void restore(doc);
        },
      };
    });

  const duplicate = (doc: DocumentInfo) =>
    act(async () => {
      await api.duplicateDocument(doc.id, t('documents.copyOf', named(doc)).slice(0, 200));
      return { text: t('documents.duplicated', named(doc)) };
    });

  const purge = async (doc: DocumentInfo) => {
    const done = await act(async () => {
      await api.purgeDocument(doc.id);
      return { text: t('documents.purged', named(doc)) };
    });
    if (done) setPurging(null);
  };

  const leaveDocument = async (doc: DocumentInfo) => {
    const done = await act(async () => {
      await api.removeMember(doc.id, user.id);
      return { text: t('share.left', named(doc)) };
    });
    if (done) setLeaving(null);
  };

  const copyLink = async (doc: DocumentInfo) => {
    const link = `${window.location.origin}/d/${doc.id}`;
    try {
      await navigator.clipboard.writeText(link);
      setFlash({ text: t('documents.linkCopied', named(doc)) });
    } catch {
      // Without permission, or without TLS: shown, to be copied by hand.
      setFlash({ text: link });
    }
  };

  const chooseSort = (next: DocumentSort) => {
    setSort(next);
    try {
      window.localStorage.setItem(sortStoredAs, next);
    } catch {
      // It holds until the page is loaded anew.
    }
  };

  const empty = listing?.documents.length === 0;

  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>{t(headings[view])}</h1>
        {view === 'trash' ? null : (
          <div className="split">
            <button
              type="button"
              className="button button-main"
              onClick={() => make('rich')}
              disabled={create.busy}
              data-testid="new-document"
            >
              <Icon name="plus" />
              {t('documents.new')}
            </button>
            <Menu
              label={t('documents.newKind')}
              triggerClass="button button-main split-more"
              trigger={<Icon name="chevron" />}
              items={[
                {
                  label: t('documents.newRich'),
                  detail: t('documents.newRichText'),
                  icon: 'page',
                  onChoose: () => void make('rich'),
                },
                {
                  label: t('documents.newText'),
                  detail: t('documents.newTextText'),
                  icon: 'code',
                  testId: 'new-text',
                  onChoose: () => void make('text'),
                },
              ]}
            />
          </div>
        )}
      </div>
      {view === 'trash' ? <p className="page-lead">{t('documents.trashText')}</p> : null}
      {empty && !listing.query ? null : (
        <div className="finder">
          <div className="search">
            <label htmlFor="search" className="visually-hidden">
              {t('documents.search')}
            </label>
            <Icon name="search" />
            <input
              ref={searchField}
              id="search"
              type="search"
              placeholder={t('documents.search')}
              aria-keyshortcuts="/"
              value={search}
              onChange={(e) => {
                setSearch(e.target.value);
              }}
            />
            {search === '' ? (
              <kbd title={t('documents.shortcutSearch')} aria-hidden="true">
                /
              </kbd>
            ) : null}
          </div>
          <select
            className="finder-sort"
            aria-label={t('documents.sort')}
            value={sort}
            onChange={(e) => {
              chooseSort(e.target.value as DocumentSort);
            }}
          >
            {sorts.map((name) => (
              <option key={name} value={name}>
                {t(`documents.sort.${name}`)}
              </option>
            ))}
          </select>
        </div>
      )}
      <FormError>{create.problem || change.problem || problem}</FormError>

      {listing === null && !problem ? (
        <div className="skeleton" role="status" aria-label={t('common.listing')}>
          {[0, 1, 2, 3].map((row) => (
            <span key={row} />
          ))}
        </div>
      ) : null}
      {empty && listing.query ? (
        <section className="empty" data-testid="no-match">
          <span className="empty-icon">
            <Icon name="search" size={24} />
          </span>
          <h2>{t('documents.noMatchTitle')}</h2>
          <p>{t('documents.noMatch', { query: listing.query })}</p>
          <button
            type="button"
            className="button"
            onClick={() => {
              setSearch('');
              searchField.current?.focus();
            }}
          >
            {t('documents.clearSearch')}
          </button>
        </section>
      ) : null}
      {empty && !listing.query ? <EmptyList view={view} busy={create.busy} onNew={() => make('rich')} /> : null}
      {listing && !empty ? (
        <DocumentRows
          documents={listing.documents}
          user={user}
          now={listing.readAt}
          trash={view === 'trash'}
          byCreation={sort === 'created'}
          busy={change.busy}
          onRename={setRenaming}
          onDuplicate={duplicate}
          onCopyLink={copyLink}
          onTrash={trash}
          onRestore={restore}
          onPurge={setPurging}
          onLeave={setLeaving}
        />
      ) : null}
      {listing?.nextCursor ? (
        <button type="button" className="button more" onClick={more}>
          {t('common.showMore')}
        </button>
      ) : null}
      <Flash
        said={flash}
        onClose={() => {
          setFlash(null);
        }}
      />
      {renaming ? (
        <RenameDialog
          doc={renaming}
          onRenamed={() => {
            setRenaming(null);
            read(search.trim()).catch(failed);
          }}
          onClose={() => {
            setRenaming(null);
          }}
        />
      ) : null}
      {purging ? (
        <Confirm
          title={t('documents.purgeTitle', named(purging))}
          action={t('documents.purge')}
          busy={change.busy}
          problem={change.problem}
          onConfirm={() => purge(purging)}
          onClose={() => {
            setPurging(null);
          }}
        >
          <p>{t('documents.purgeText')}</p>
        </Confirm>
      ) : null}
      {leaving ? (
        <Confirm
          title={t('share.leaveTitle', named(leaving))}
          action={t('share.leaveAction')}
          busy={change.busy}
          problem={change.problem}
          onConfirm={() => leaveDocument(leaving)}
          onClose={() => {
            setLeaving(null);
          }}
        >
          <p>{t('share.leaveText')}</p>
        </Confirm>
      ) : null}
    </Shell>
  );
}
