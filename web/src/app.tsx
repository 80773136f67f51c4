import { Component, useEffect, type ReactNode } from 'react';
import { askAhead } from './ahead';
import type { DocumentView, User } from './api/types';
import { bodies } from './editor/bodies';
import { t, useText } from './i18n';
import { NoticesProvider } from './notices/provider';
import { onDemand, type OnDemand } from './onDemand';
import { DocumentsPage } from './pages/documents';
import { InvitePage } from './pages/invite';
import { LoginPage } from './pages/login';
import { NotFoundPage } from './pages/notFound';
import { SetupPage } from './pages/setup';
import { navigate, usePath } from './router';
import { useSession } from './session';
import { Notice } from './ui/notice';
import { Shell } from './ui/shell';

// The editor with Yjs and ProseMirror is most of the JavaScript; only those who open a document wait for it.
const editorPage = onDemand(() => import('./pages/editor'));

const documentPath = /^\/d\/([^/]+)\/?$/;

const first = documentPath.exec(window.location.pathname)?.[1];
if (first) {
  // Whatever fails here is asked for again, and told, by the page.
  const untold = () => undefined;
  editorPage.fetch().catch(untold);
  askAhead(decodeURIComponent(first))
    .then(({ kind }) => bodies[kind].fetch())
    .catch(untold);
}

const EditorPage = editorPage.Part;

/** The pages that come when they are asked for. */
const framed: Partial<Record<string, OnDemand<{ user: User }>>> = {
  '/people': onDemand(() => import('./pages/people')),
  '/admin': onDemand(() => import('./pages/admin')),
  '/admin/audit': onDemand(() => import('./pages/audit')),
  '/account': onDemand(() => import('./pages/account')),
  '/account/keys': onDemand(() => import('./pages/keys')),
};

const lists: Partial<Record<string, DocumentView>> = {
  '/': 'all',
  '/owned': 'owned',
  '/shared': 'shared',
  '/trash': 'trash',
};

/** Says so when a part of the application can't be fetched, as after an update of the server. */
class Fetched extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(error: unknown) {
    // Browsers word the failure of an import differently; all throw a TypeError. Anything else is a mistake of ours.
    if (!(error instanceof TypeError)) throw error;
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <Notice title={t('app.outdated')}>
        <p>{t('app.outdatedText')}</p>
        <button
          type="button"
          className="button"
          onClick={() => {
            window.location.reload();
          }}
        >
          {t('app.reload')}
        </button>
      </Notice>
    );
  }
}

/** Sends a visitor who isn't logged in to the log-in page, and back afterwards. */
function LoginFirst() {
  useEffect(() => {
    const here = window.location.pathname + window.location.search;
    navigate(here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`, { replace: true });
  }, []);
  return null;
}

function Private({ children }: { children: (user: User) => ReactNode }) {
  const t = useText();
  const { session, retry } = useSession();
  switch (session.status) {
    case 'loading':
      return <Notice title={t('common.opening')} quiet />;
    case 'nobody':
      return <LoginFirst />;
    case 'error':
      return (
        <Notice title={t('app.silent')}>
          <p>{session.reason}</p>
          <button type="button" className="button" onClick={retry}>
            {t('common.tryAgain')}
          </button>
        </Notice>
      );
    case 'user':
      return <NoticesProvider key={session.user.id}>{children(session.user)}</NoticesProvider>;
  }
}

export function App() {
  const path = usePath();
  const t = useText();
  if (path === '/setup') return <SetupPage />;
  if (path === '/login') return <LoginPage />;
  if (path === '/invite') return <InvitePage />;
  const view = lists[path];
  if (view) return <Private>{(user) => <DocumentsPage key={view} user={user} view={view} />}</Private>;
  const Page = framed[path]?.Part;
  if (Page) {
    return (
      <Private>
        {(user) => (
          <Fetched key={path}>
            <Page user={user} waiting={<Shell user={user} />} />
          </Fetched>
        )}
      </Private>
    );
  }

  const found = documentPath.exec(path);
  if (found?.[1]) {
    const id = decodeURIComponent(found[1]);
    return (
      <Private>
        {(user) => (
          <Fetched key={path}>
            <EditorPage key={id} id={id} user={user} waiting={<Notice title={t('editor.opening')} quiet />} />
          </Fetched>
        )}
      </Private>
    );
  }
  return <NotFoundPage />;
}
