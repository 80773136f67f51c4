import { useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import type { DocumentInfo, User } from '../api/types';
import { Link } from '../router';
import { DocumentSession } from '../sync/documentSession';
import { PresenceList } from '../sync/presence';
import { Logo } from '../ui/logo';
import { Notice } from '../ui/notice';
import { useTitle } from '../ui/useTitle';
import { SaveBadge } from './badge';
import { EndingBanner, RefusalBanner } from './banner';
import { Toolbar } from './toolbar';
import { PresenceBar } from './presenceBar';
import { ShareDialog } from './shareDialog';
import { EditorSurface } from './surface';
import { TitleField } from './titleField';
import { useDocumentEditor } from './useDocumentEditor';

interface Props {
  info: DocumentInfo;
  user: User;
  /** Reads title and role of the document anew. */
  onInfo: () => Promise<void>;
}

/** Opens the connection of one document for as long as its page is shown. */
export function Workspace({ info, user, onInfo }: Props) {
  const [session, setSession] = useState<DocumentSession | null>(null);

  useEffect(() => {
    const opened = new DocumentSession(info.id);
    // A connection can't be made while rendering: it has to be closed again, and only effects are.
    // eslint-disable-next-line react-hooks/set-state-in-effect
    setSession(opened);
    return () => {
      opened.release();
    };
  }, [info.id]);

  if (!session) return <Notice title="Opening the document…" quiet />;
  return <OpenDocument session={session} info={info} user={user} onInfo={onInfo} />;
}

function OpenDocument({ session, info, user, onInfo }: Props & { session: DocumentSession }) {
  const save = useSyncExternalStore(session.save.subscribe, session.save.snapshot);
  const ending = useSyncExternalStore(session.onEnding, session.ending);
  const loaded = useSyncExternalStore(session.onLoaded, session.loaded);
  const presence = useMemo(
    () => new PresenceList(session.provider.awareness, { id: user.id, name: user.name }),
    [session, user.id, user.name],
  );
  const people = useSyncExternalStore(presence.subscribe, presence.snapshot);
  const [sharing, setSharing] = useState(false);

  const mayWrite = info.role === 'owner' || info.role === 'editor';
  const editor = useDocumentEditor(session, user, mayWrite && loaded && ending === null);
  useTitle(info.title || 'Untitled');

  // A refusal, a new connection and coming back to the tab are the moments at which the role may have changed.
  const refused = save.refusal;
  useEffect(() => {
    if (refused) void onInfo();
  }, [refused, onInfo]);
  useEffect(() => {
    const again = () => {
      void onInfo();
    };
    const onStatus = ({ status }: { status: string }) => {
      if (status === 'connected') again();
    };
    window.addEventListener('focus', again);
    session.provider.on('status', onStatus);
    return () => {
      window.removeEventListener('focus', again);
      session.provider.off('status', onStatus);
    };
  }, [session, onInfo]);

  // What only needs the server goes on after this page is left; what the server won't take would be gone.
  const leavingLoses = save.unsaved && (refused !== null || ending !== null);

  return (
    <div className="workspace">
      <header className="bar">
        <Link
          href="/"
          className="bar-home"
          aria-label="All documents"
          onClick={(event) => {
            const question = 'Some of your changes could not be saved and would be lost. Leave anyway?';
            if (leavingLoses && !window.confirm(question)) event.preventDefault();
          }}
        >
          <Logo />
        </Link>
        <TitleField info={info} readOnly={!mayWrite} onRenamed={onInfo} />
        <SaveBadge save={save} writer={mayWrite} stage={ending ? 'ended' : loaded ? 'open' : 'opening'} />
        {mayWrite ? null : (
          <span className="mark" data-testid="view-only">
            View only
          </span>
        )}
        <PresenceBar people={people} />
        {info.role === 'owner' ? (
          <button
            type="button"
            className="button button-main bar-share"
            data-testid="share"
            onClick={() => {
              setSharing(true);
            }}
          >
            Share
          </button>
        ) : null}
      </header>
      {mayWrite && ending === null ? <Toolbar editor={editor} /> : null}
      {ending ? (
        <EndingBanner ending={ending} unsaved={save.unsaved} editor={editor} session={session} user={user} />
      ) : null}
      {refused && !ending ? <RefusalBanner refusal={refused} editor={editor} /> : null}
      <EditorSurface editor={editor} loaded={loaded} failed={ending !== null} />
      {sharing ? (
        <ShareDialog
          info={info}
          user={user}
          onClose={() => {
            setSharing(false);
          }}
        />
      ) : null}
    </div>
  );
}
