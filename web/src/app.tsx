import { Component, Suspense, lazy, useEffect, type ComponentType, type ReactNode } from 'react';
import { api } from './api/client';
import type { DocumentView, User } from './api/types';
import { t, useText } from './i18n';
import { NoticesProvider } from './notices/provider';
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
const editorPage = () => import('./pages/editor');
const EditorPage = lazy(editorPage);

const documentPath = /^\/d\/([^/]+)\/?$/;

/**
 * Who comes by a document's address waits for all of it: it is fetched while the server is still asked who comes.
 * Whatever fails here is asked for again, and told, by the page.
 */
async function fetchAhead(id: string): Promise<void> {
  const { kind } = await api.document(id);
  // Two statements: of one expression with both, the bundler would fetch both.
  if (kind === 'text') await import('./editor/plainDocument');
  else await import('./editor/richDocument');
}

const first = documentPath.exec(window.location.pathname)?.[1];
if (first) Promise.all([editorPage(), fetchAhead(decodeURIComponent(first))]).catch(() => undefined);

const PeoplePage = lazy(() => import('./pages/people'));
const AdminPage = lazy(() => import('./pages/admin'));
const AuditPage = lazy(() => import('./pages/audit'));
const AccountPage = lazy(() => import('./pages/account'));
const KeysPage = lazy(() => import('./pages/keys'));

/** The pages that come when they are asked for. */
const framed: Partial<Record<string, ComponentType<{ user: User }>>> = {
  '/people': PeoplePage,
  '/admin': AdminPage,
  '/admin/audit': AuditPage,
  '/account': AccountPage,
  '/account/keys': KeysPage,
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
  const Page = framed[path];
  if (Page) {
    return (
      <Private>
        {(user) => (
          <Fetched key={path}>
            <Suspense fallback={<Shell user={user} />}>
              <Page user={user} />
            </Suspense>
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
            <Suspense fallback={<Notice title={t('editor.opening')} quiet />}>
              <EditorPage key={id} id={id} user={user} />
            </Suspense>
          </Fetched>
        )}
      </Private>
    );
  }
  return <NotFoundPage />;
}
