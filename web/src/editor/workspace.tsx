import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { streams } from '../api/client';
import type { DocumentInfo, User } from '../api/types';
import { useText } from '../i18n';
import { useRoster } from '../live/useRoster';
import { Bell } from '../notices/bell';
import { useNoticeCenter } from '../notices/context';
import { Link, guardLeaving } from '../router';
import type { DocumentSession } from '../sync/documentSession';
import type { Keeping } from '../sync/keeper';
import { openSession } from '../sync/openSession';
import { PresenceList } from '../sync/presence';
import { Logo } from '../ui/logo';
import { Notice } from '../ui/notice';
import { useTitle } from '../ui/useTitle';
import { SaveBadge } from './badge';
import { bodies } from './bodies';
import { EndingBanner, RefusalBanner } from './banner';
import { Follow } from './follow';
import { FollowBar } from './followBar';
import { Icon } from './icons';
import { Restored } from './restored';
import { PresenceBar } from './presenceBar';
import { ShareDialog } from './shareDialog';
import { TitleField } from './titleField';
import { useOutline } from './useOutline';

interface Props {
  info: DocumentInfo;
  user: User;
  /** Reads title and role of the document anew. */
  onInfo: () => Promise<void>;
}

/** Opens the connection of one document for as long as its page is shown. */
export function Workspace({ info, user, onInfo }: Props) {
  const t = useText();
  const [session, setSession] = useState<DocumentSession | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    // A connection can't be made while rendering: it has to be closed again, and only effects are.
    let opened: DocumentSession | null = null;
    let left = false;
    openSession(user.id, info.id, window.location.search).then(
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
  }, [info.id, user.id]);

  if (failed) {
    return (
      <Notice title={t('editor.notLoaded')}>
        <p>{t('editor.reloadHint')}</p>
      </Notice>
    );
  }
  if (!session) return <Notice title={t('editor.opening')} quiet />;
  return <OpenDocument session={session} info={info} user={user} onInfo={onInfo} />;
}

const keepsNothing: Keeping = { kept: false, restoring: false, restored: false };

/** What this browser keeps of the document. */
function useKeeping({ keeper }: DocumentSession): Keeping {
  return useSyncExternalStore(keeper ? keeper.subscribe : never, keeper ? keeper.snapshot : () => keepsNothing);
}

function never(): () => void {
  return () => undefined;
}

function OpenDocument({ session, info, user, onInfo }: Props & { session: DocumentSession }) {
  const t = useText();
  const save = useSyncExternalStore(session.save.subscribe, session.save.snapshot);
  const keeping = useKeeping(session);
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
  const follow = useMemo(() => new Follow(session.awareness), [session]);
  const [sharing, setSharing] = useState(false);
  const { outline, setOutline } = useOutline();
  const body = useRef<HTMLDivElement>(null);

  const plain = info.kind === 'text';
  const { Part } = bodies[info.kind];
  const mayWrite = info.role === 'owner' || info.role === 'editor';
  useTitle(info.title || t('common.untitled'));

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
    guardLeaving(() => window.confirm(t('editor.leave')));
    return () => {
      guardLeaving(null);
    };
  }, [leavingLoses, t]);

  const goOn = useCallback(() => {
    session.resume();
    center.start();
  }, [session, center]);

  const banner = (text: () => string): ReactNode => {
    if (ending) {
      return (
        <EndingBanner
          ending={ending}
          unsaved={save.unsaved}
          kept={keeping.kept}
          text={text}
          documentId={info.id}
          user={user}
          onGoOn={goOn}
        />
      );
    }
    return refused ? <RefusalBanner refusal={refused} text={text} /> : null;
  };

  return (
    <div className="workspace" ref={body}>
      <header className="bar">
        <Link href="/" className="bar-home" aria-label={t('editor.allDocuments')}>
          <Logo />
        </Link>
        {plain ? null : (
          <button
            type="button"
            className="icon-button"
            aria-label={t(outline ? 'editor.outline.hide' : 'editor.outline.show')}
            title={t(outline ? 'editor.outline.hide' : 'editor.outline.show')}
            aria-pressed={outline}
            data-testid="outline-toggle"
            onClick={() => {
              setOutline(!outline);
            }}
          >
            <Icon name="outline" />
          </button>
        )}
        <TitleField
          info={info}
          readOnly={!mayWrite}
          first={mayWrite && info.title === t('common.untitled')}
          onEnter={() => {
            body.current?.querySelector<HTMLElement>('[data-testid=editor]')?.focus();
          }}
          onRenamed={onInfo}
        />
        <SaveBadge
          save={save}
          writer={mayWrite}
          stage={ending ? 'ended' : loaded ? 'open' : 'opening'}
          keeping={keeping}
        />
        {mayWrite ? null : (
          <span className="mark" data-testid="view-only">
            {t('editor.viewOnly')}
          </span>
        )}
        <PresenceBar present={people} roster={roster} follow={follow} />
        <Bell />
        <button
          type="button"
          className="button button-main bar-share"
          data-testid="share"
          onClick={() => {
            setSharing(true);
          }}
        >
          {t('editor.share')}
        </button>
      </header>
      <Part
        session={session}
        user={user}
        title={info.title}
        mayWrite={mayWrite}
        loaded={loaded}
        ended={ending !== null}
        follow={follow}
        outline={outline}
        setOutline={setOutline}
        banner={banner}
        waiting={<p className="quiet surface-wait">{t('editor.opening')}</p>}
      />
      <Restored shown={keeping.restored} />
      <FollowBar follow={follow} />
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
