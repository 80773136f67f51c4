import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { streams } from '../api/client';
import type { DocumentInfo, User } from '../api/types';
import { useRoster } from '../live/useRoster';
import { Bell } from '../notices/bell';
import { useNoticeCenter } from '../notices/context';
import { Link, guardLeaving } from '../router';
import type { DocumentSession } from '../sync/documentSession';
import { openSession } from '../sync/openSession';
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
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    // A connection can't be made while rendering: it has to be closed again, and only effects are.
    let opened: DocumentSession | null = null;
    let left = false;
    openSession(info.id, window.location.search).then(
      (session) => {
        opened = session;
        if (left) session.release();
        else setSession(session);
      },
      () => {
        setFailed(true);
      },
    );
    return () => {
      left = true;
      opened?.release();
      setSession(null);
    };
  }, [info.id]);

  if (failed) {
    return (
      <Notice title="The editor could not be loaded">
        <p>Reload the page to try again.</p>
      </Notice>
    );
  }
  if (!session) return <Notice title="Opening the document…" quiet />;
  return <OpenDocument session={session} info={info} user={user} onInfo={onInfo} />;
}

function OpenDocument({ session, info, user, onInfo }: Props & { session: DocumentSession }) {
  const save = useSyncExternalStore(session.save.subscribe, session.save.snapshot);
  const ending = useSyncExternalStore(session.onEnding, session.ending);
  const loaded = useSyncExternalStore(session.onLoaded, session.loaded);
  const presence = useMemo(
    () => new PresenceList(session.awareness, { id: user.id, name: user.name }),
    [session, user.id, user.name],
  );
  const people = useSyncExternalStore(presence.subscribe, presence.snapshot);
  // Asked for only when the socket was let in: otherwise the answer is the same refusal.
  const { state: roster } = useRoster(streams.editors(info.id), loaded && ending === null);
  const center = useNoticeCenter();
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
    window.addEventListener('focus', again);
    const stop = session.onConnected(again);
    return () => {
      window.removeEventListener('focus', again);
      stop();
    };
  }, [session, onInfo]);

  // Somebody did something to this document, or to what one may do in it.
  useEffect(
    () =>
      center.onArrival((notice) => {
        if (notice.document.id === info.id) void onInfo();
      }),
    [center, info.id, onInfo],
  );

  // What only needs the server goes on after this page is left; what the server won't take would be gone.
  const leavingLoses = save.unsaved && (refused !== null || ending !== null);
  useEffect(() => {
    if (!leavingLoses) return;
    guardLeaving(() => window.confirm('Some of your changes could not be saved and would be lost. Leave anyway?'));
    return () => {
      guardLeaving(null);
    };
  }, [leavingLoses]);

  const goOn = useCallback(() => {
    session.resume();
    center.start();
  }, [session, center]);

  return (
    <div className="workspace">
      <header className="bar">
        <Link href="/" className="bar-home" aria-label="All documents">
          <Logo />
        </Link>
        <TitleField info={info} readOnly={!mayWrite} onRenamed={onInfo} />
        <SaveBadge save={save} writer={mayWrite} stage={ending ? 'ended' : loaded ? 'open' : 'opening'} />
        {mayWrite ? null : (
          <span className="mark" data-testid="view-only">
            View only
          </span>
        )}
        <PresenceBar present={people} roster={roster} />
        <Bell />
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
        <EndingBanner
          ending={ending}
          unsaved={save.unsaved}
          editor={editor}
          documentId={info.id}
          user={user}
          onGoOn={goOn}
        />
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
