import type { Editor } from '@tiptap/react';
import { useEffect, useState, type ReactNode } from 'react';
import { ApiError, api } from '../api/client';
import type { User } from '../api/types';
import { Link } from '../router';
import type { Ending } from '../sync/documentSession';
import type { Refusal } from '../sync/saveState';
import { useTask } from '../ui/useTask';

/** Puts the document's text on the clipboard, so that unsaved words needn't be lost with the page. */
function CopyText({ editor }: { editor: Editor }) {
  const [label, setLabel] = useState('Copy the text');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(editor.getText({ blockSeparator: '\n\n' }));
      setLabel('Copied');
    } catch {
      setLabel('Copying is not allowed here');
    }
  };
  return (
    <button type="button" className="button button-small" onClick={copy}>
      {label}
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
        Go on here
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
  editor,
  documentId,
  user,
  onGoOn,
}: {
  ending: Ending;
  unsaved: boolean;
  editor: Editor;
  documentId: string;
  user: User;
  /** Opens the connection again, after a new log-in. */
  onGoOn: () => void;
}) {
  const access = useAccess(documentId, ending);
  const keep = unsaved ? ' Your last changes are not saved; they are only in this page.' : '';
  const copy = unsaved ? <CopyText editor={editor} /> : null;
  const toList = (
    <Link className="button button-small" href="/">
      Your documents
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
      Reload
    </button>
  );
  switch (ending.code) {
    case 4401:
      return (
        <Banner
          title="You are logged out"
          actions={
            <>
              {copy}
              <a className="button button-small" href="/login" target="_blank" rel="noopener">
                Log in, in a new tab
              </a>
              <GoOn user={user} onGoOn={onGoOn} />
            </>
          }
        >
          {`Log in again to go on.${keep}`}
        </Banner>
      );
    case 4403:
      if (access === 'kept') {
        return (
          <Banner
            title="Your connection was ended"
            actions={
              <>
                {copy}
                {reload}
              </>
            }
          >
            {`An administrator ended it. You may still open this document: reload the page to go on.${keep}`}
          </Banner>
        );
      }
      return (
        <Banner
          title={access === 'lost' ? 'You have no access to this document any more' : 'The connection was ended'}
          actions={
            <>
              {copy}
              {toList}
            </>
          }
        >
          {`${access === 'lost' ? 'Ask its owner if you need it.' : 'The server no longer lets this page in.'}${keep}`}
        </Banner>
      );
    case 4404:
      return (
        <Banner
          title="This document was deleted"
          actions={
            <>
              {copy}
              {toList}
            </>
          }
        >
          {`It is in the trash; its owner can bring it back.${keep}`}
        </Banner>
      );
    case 4409:
      return (
        <Banner
          title="These edits belong to another account"
          actions={
            <>
              {copy}
              {reload}
            </>
          }
        >
          {`This page holds edits that were made under another account. Reload it to go on as yourself.${keep}`}
        </Banner>
      );
    default:
      return (
        <Banner
          title="The server ended the connection"
          actions={
            <>
              {copy}
              {reload}
            </>
          }
        >
          {`It said: ${ending.reason || `code ${ending.code}`}.${keep}`}
        </Banner>
      );
  }
}

/** Explains that the server didn't take edits, while the connection goes on. */
export function RefusalBanner({ refusal, editor }: { refusal: Refusal; editor: Editor }) {
  const title =
    refusal.code === 4403
      ? 'You may no longer edit this document'
      : refusal.code === 4413
        ? 'This document is full'
        : 'Some changes were not taken';
  return (
    <Banner
      title={title}
      actions={
        <>
          <CopyText editor={editor} />
          <button
            type="button"
            className="button button-small"
            onClick={() => {
              window.location.reload();
            }}
          >
            Reload without them
          </button>
        </>
      }
    >
      {`Not saved: ${refusal.reason}. Your last changes are only in this page and nobody else sees them.`}
    </Banner>
  );
}
