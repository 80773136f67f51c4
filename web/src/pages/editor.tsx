import { useCallback, useEffect, useState } from 'react';
import { takeAhead } from '../ahead';
import { ApiError, api, reasonOf } from '../api/client';
import type { DocumentInfo, User } from '../api/types';
import { Workspace } from '../editor/workspace';
import { useText } from '../i18n';
import { Link } from '../router';
import { useSession } from '../session';
import { Notice } from '../ui/notice';
import '../styles/editor.css';
import '../styles/menus.css';
import '../styles/presence.css';
import '../styles/prose.css';
import '../styles/stage.css';

type Load =
  | { status: 'loading' }
  | { status: 'ready'; info: DocumentInfo }
  | { status: 'missing' }
  | { status: 'deleted'; problem: string }
  | { status: 'error'; reason: string };

/** The page of one document. It is its own chunk, with all that only editing needs. */
export default function EditorPage({ id, user }: { id: string; user: User }) {
  const t = useText();
  const { leave } = useSession();
  const [load, setLoad] = useState<Load>({ status: 'loading' });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    (takeAhead(id) ?? api.document(id, abort.signal)).then(
      (info) => {
        if (!abort.signal.aborted) setLoad({ status: 'ready', info });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const status = error instanceof ApiError ? error.status : 0;
        if (status === 401) leave();
        else if (status === 404 || status === 403) setLoad({ status: 'missing' });
        else if (status === 410) setLoad({ status: 'deleted', problem: '' });
        else setLoad({ status: 'error', reason: reasonOf(error) });
      },
    );
    return () => {
      abort.abort();
    };
  }, [id, attempt, leave]);

  // Role and title may change while the document is open; a failure leaves what we know.
  const refresh = useCallback(async () => {
    try {
      const info = await api.document(id);
      // Mostly nothing has changed, and then nothing is drawn anew.
      setLoad((load) =>
        load.status === 'ready' && JSON.stringify(load.info) === JSON.stringify(info)
          ? load
          : { status: 'ready', info },
      );
    } catch {
      // Whether the document is still ours to see is the socket's to say.
    }
  }, [id]);

  const restore = async () => {
    try {
      setLoad({ status: 'ready', info: await api.restoreDocument(id) });
    } catch (error) {
      setLoad({ status: 'deleted', problem: reasonOf(error) });
    }
  };

  switch (load.status) {
    case 'loading':
      return <Notice title={t('editor.opening')} quiet />;
    case 'ready':
      return <Workspace info={load.info} user={user} onInfo={refresh} />;
    case 'missing':
      return (
        <Notice title={t('editor.missing')}>
          <p>{t('editor.missingHint')}</p>
          <Link className="button" href="/">
            {t('editor.toDocuments')}
          </Link>
        </Notice>
      );
    case 'deleted':
      return (
        <Notice title={t('editor.inTrash')}>
          <p>{t('editor.inTrashHint')}</p>
          {load.problem ? (
            <p className="form-error" role="alert">
              {load.problem}
            </p>
          ) : null}
          <div className="notice-actions">
            <button type="button" className="button" onClick={restore}>
              {t('editor.bringBack')}
            </button>
            <Link className="button button-quiet" href="/">
              {t('editor.toDocuments')}
            </Link>
          </div>
        </Notice>
      );
    case 'error':
      return (
        <Notice title={t('editor.notOpened')}>
          <p>{load.reason}</p>
          <button
            type="button"
            className="button"
            onClick={() => {
              setLoad({ status: 'loading' });
              setAttempt((n) => n + 1);
            }}
          >
            {t('common.tryAgain')}
          </button>
        </Notice>
      );
  }
}
