import type { Editor } from '@tiptap/react';
import { useState, type ReactNode } from 'react';
import { api } from '../api/client';
import type { User } from '../api/types';
import { Link } from '../router';
import type { DocumentSession, Ending } from '../sync/documentSession';
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
function GoOn({ session, user }: { session: DocumentSession; user: User }) {
  const { busy, problem, run } = useTask({ stay: true });
  const goOn = () =>
    run(async () => {
      const now = await api.whoAmI();
      if (now.id === user.id) session.resume();
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

/** Explains why the server ended the connection for good, and what can be done. */
export function EndingBanner({
  ending,
  unsaved,
  editor,
  session,
  user,
}: {
  ending: Ending;
  unsaved: boolean;
  editor: Editor;
  session: DocumentSession;
  user: User;
}) {
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
              <GoOn session={session} user={user} />
            </>
          }
        >
          {`Log in again to go on.${keep}`}
        </Banner>
      );
    case 4403:
      return (
        <Banner
          title="You have no access to this document any more"
          actions={
            <>
              {copy}
              {toList}
            </>
          }
        >
          {`Ask its owner if you need it.${keep}`}
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
