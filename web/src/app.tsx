import { Suspense, lazy, useEffect, type ComponentType, type ReactNode } from 'react';
import type { User } from './api/types';
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
const EditorPage = lazy(() => import('./pages/editor'));
const PeoplePage = lazy(() => import('./pages/people'));
const AdminPage = lazy(() => import('./pages/admin'));
const AccountPage = lazy(() => import('./pages/account'));

/** The pages that come when they are asked for. */
const framed: Record<string, ComponentType<{ user: User }>> = {
  '/people': PeoplePage,
  '/admin': AdminPage,
  '/account': AccountPage,
};

/** Sends a visitor who isn't logged in to the log-in page, and back afterwards. */
function LoginFirst() {
  useEffect(() => {
    const here = window.location.pathname + window.location.search;
    navigate(here === '/' ? '/login' : `/login?next=${encodeURIComponent(here)}`, { replace: true });
  }, []);
  return null;
}

function Private({ children }: { children: (user: User) => ReactNode }) {
  const { session, retry } = useSession();
  switch (session.status) {
    case 'loading':
      return <Notice title="Opening…" quiet />;
    case 'nobody':
      return <LoginFirst />;
    case 'error':
      return (
        <Notice title="BizSync doesn't answer">
          <p>{session.reason}</p>
          <button type="button" className="button" onClick={retry}>
            Try again
          </button>
        </Notice>
      );
    case 'user':
      return <NoticesProvider key={session.user.id}>{children(session.user)}</NoticesProvider>;
  }
}

export function App() {
  const path = usePath();
  if (path === '/setup') return <SetupPage />;
  if (path === '/login') return <LoginPage />;
  if (path === '/invite') return <InvitePage />;
  if (path === '/') return <Private>{(user) => <DocumentsPage user={user} />}</Private>;
  const Page = framed[path];
  if (Page) {
    return (
      <Private>
        {(user) => (
          <Suspense fallback={<Shell user={user} />}>
            <Page key={path} user={user} />
          </Suspense>
        )}
      </Private>
    );
  }

  const found = /^\/d\/([^/]+)\/?$/.exec(path);
  if (found?.[1]) {
    const id = decodeURIComponent(found[1]);
    return (
      <Private>
        {(user) => (
          <Suspense fallback={<Notice title="Opening the document…" quiet />}>
            <EditorPage key={id} id={id} user={user} />
          </Suspense>
        )}
      </Private>
    );
  }
  return <NotFoundPage />;
}
