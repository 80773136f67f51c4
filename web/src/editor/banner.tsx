import { useEffect, useState, type ReactNode } from 'react';
import { ApiError, api } from '../api/client';
import type { User } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import type { Ending } from '../sync/documentSession';
import type { Refusal } from '../sync/saveState';
import { useTask } from '../ui/useTask';

/** Puts the document's text on the clipboard, so that unsaved words needn't be lost with the page. */
function CopyText({ text }: { text: () => string }) {
  const t = useText();
  const [label, setLabel] = useState<'editor.copyText' | 'editor.copied' | 'editor.copyForbidden'>('editor.copyText');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      setLabel('editor.copied');
    } catch {
      setLabel('editor.copyForbidden');
    }
  };
  return (
    <button type="button" className="button button-small" onClick={copy}>
      {t(label)}
    </button>
  );
}

function Banner({ title, children, actions }: { title: string; children: ReactNode; actions: ReactNode }) {
  return (
    <section className="banner" role="alert" data-testid="banner">
      <div>
        <h2>{title}</h2>
        <p>{children}</p>
      </div>
      <div className="banner-actions">{actions}</div>
    </section>
  );
}

/** Goes on after a new log-in, by the same person only: what is unsaved here is theirs. */
function GoOn({ user, onGoOn }: { user: User; onGoOn: () => void }) {
  const t = useText();
  const { busy, problem, run } = useTask({ stay: true });
  const goOn = () =>
    run(async () => {
      const now = await api.whoAmI();
      if (now.id === user.id) onGoOn();
      else window.location.reload();
    });
  return (
    <>
      <button type="button" className="button button-small button-main" disabled={busy} onClick={goOn}>
        {t('editor.goOn')}
      </button>
      {problem ? <span role="alert">{problem}</span> : null}
    </>
  );
}

/**
 * Whether the document may still be opened after a 4403, which says that the right was taken away, or that an
 * administrator ended just this connection.
 */
function useAccess(documentId: string, ending: Ending): 'unknown' | 'kept' | 'lost' {
  const [access, setAccess] = useState<'unknown' | 'kept' | 'lost'>('unknown');
  useEffect(() => {
    if (ending.code !== 4403) return;
    const abort = new AbortController();
    api.document(documentId, abort.signal).then(
      () => {
        setAccess('kept');
      },
      (error: unknown) => {
        if (!abort.signal.aborted && error instanceof ApiError && error.status > 0) setAccess('lost');
      },
    );
    return () => {
      abort.abort();
    };
  }, [documentId, ending]);
  return access;
}

/** Explains why the server ended the connection for good, and what can be done. */
export function EndingBanner({
  ending,
  unsaved,
  kept,
  text,
  documentId,
  user,
  onGoOn,
}: {
  ending: Ending;
  unsaved: boolean;
  /** This browser keeps what is unsaved. */
  kept: boolean;
  /** The document's text as it is here. */
  text: () => string;
  documentId: string;
  user: User;
  /** Opens the connection again, after a new log-in. */
  onGoOn: () => void;
}) {
  const t = useText();
  const access = useAccess(documentId, ending);
  const keep = unsaved ? t(kept ? 'editor.end.kept' : 'editor.end.keep') : '';
  const copy = unsaved ? <CopyText text={text} /> : null;
  const toList = (
    <Link className="button button-small" href="/">
      {t('editor.yourDocuments')}
    </Link>
  );
  const reload = (
    <button
      type="button"
      className="button button-small"
      onClick={() => {
        window.location.reload();
      }}
    >
      {t('editor.reload')}
    </button>
  );
  switch (ending.code) {
    case 4401:
      return (
        <Banner
          title={t('editor.end.loggedOut')}
          actions={
            <>
              {copy}
              <a className="button button-small" href="/login" target="_blank" rel="noopener">
                {t('editor.logInNewTab')}
              </a>
              <GoOn user={user} onGoOn={onGoOn} />
            </>
          }
        >
          {`${t('editor.end.loggedOutHint')}${keep}`}
        </Banner>
      );
    case 4403:
      if (access === 'kept') {
        return (
          <Banner
            title={t('editor.end.closed')}
            actions={
              <>
                {copy}
                {reload}
              </>
            }
          >
            {`${t('editor.end.closedHint')}${keep}`}
          </Banner>
        );
      }
      return (
        <Banner
          title={t(access === 'lost' ? 'editor.end.noAccess' : 'editor.end.ended')}
          actions={
            <>
              {copy}
              {toList}
            </>
          }
        >
          {`${t(access === 'lost' ? 'editor.end.noAccessHint' : 'editor.end.endedHint')}${keep}`}
        </Banner>
      );
    case 4404:
      return (
        <Banner
          title={t('editor.end.deleted')}
          actions={
            <>
              {copy}
              {toList}
            </>
          }
        >
          {`${t('editor.end.deletedHint')}${keep}`}
        </Banner>
      );
    case 4409:
      return (
        <Banner
          title={t('editor.end.foreign')}
          actions={
            <>
              {copy}
              {reload}
            </>
          }
        >
          {`${t('editor.end.foreignHint')}${keep}`}
        </Banner>
      );
    default:
      return (
        <Banner
          title={t('editor.end.other')}
          actions={
            <>
              {copy}
              {reload}
            </>
          }
        >
          {`${t('editor.end.otherHint', { reason: ending.reason || t('editor.end.code', { code: ending.code }) })}${keep}`}
        </Banner>
      );
  }
}

/** Explains that the server didn't take edits, while the connection goes on. */
export function RefusalBanner({ refusal, text }: { refusal: Refusal; text: () => string }) {
  const t = useText();
  const title =
    refusal.code === 4403
      ? t('editor.refused.noRight')
      : refusal.code === 4413
        ? t('editor.refused.full')
        : t('editor.refused.some');
  return (
    <Banner
      title={title}
      actions={
        <>
          <CopyText text={text} />
          <button
            type="button"
            className="button button-small"
            onClick={() => {
              window.location.reload();
            }}
          >
            {t('editor.reloadWithout')}
          </button>
        </>
      }
    >
      {t('editor.refused.hint', { reason: refusal.reason })}
    </Banner>
  );
}
