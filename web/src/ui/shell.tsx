import { useEffect, useState, type ReactNode } from 'react';
import { api, reasonOf } from '../api/client';
import type { User } from '../api/types';
import { Bell } from '../notices/bell';
import { useNotices } from '../notices/context';
import { Link, navigate, usePath } from '../router';
import { useSession } from '../session';
import { Avatar } from './avatar';
import { Logo } from './logo';

/** The frame of the pages with the main navigation: documents, people, admin, notices, who am I, log out. */
export function Shell({ user, wide = false, children }: { user: User; wide?: boolean; children?: ReactNode }) {
  const path = usePath();
  const { leave } = useSession();
  const { loggedOut } = useNotices().state;
  const [problem, setProblem] = useState('');

  // Logged out elsewhere. The editor isn't in this frame: it may hold what isn't saved, and says so itself.
  useEffect(() => {
    if (loggedOut) leave();
  }, [loggedOut, leave]);

  const logOut = async () => {
    try {
      await api.logOut();
      leave();
      navigate('/login');
    } catch (error) {
      setProblem(reasonOf(error));
    }
  };

  return (
    <div className="shell">
      <header className="shell-bar">
        <Link href="/" className="shell-home">
          <Logo />
          <span>BizSync</span>
        </Link>
        <nav aria-label="Main">
          <Link href="/" aria-current={path === '/' ? 'page' : undefined}>
            Documents
          </Link>
          {user.role === 'admin' ? (
            <Link href="/people" aria-current={path === '/people' ? 'page' : undefined}>
              People
            </Link>
          ) : null}
          {user.role === 'admin' ? (
            <Link href="/admin" aria-current={path === '/admin' ? 'page' : undefined}>
              Admin
            </Link>
          ) : null}
        </nav>
        <div className="shell-me">
          <Bell />
          <Link
            href="/account"
            className="shell-account"
            title={`${user.name}, ${user.email}`}
            aria-label={`Your account, ${user.name}`}
            aria-current={path === '/account' ? 'page' : undefined}
          >
            <Avatar id={user.id} name={user.name} />
            <span className="shell-name">{user.name}</span>
          </Link>
          <button type="button" className="button button-quiet" onClick={logOut} data-testid="logout">
            Log out
          </button>
        </div>
      </header>
      {problem ? (
        <p className="form-error shell-problem" role="alert">
          {problem}
        </p>
      ) : null}
      <main className={wide ? 'shell-main shell-main-wide' : 'shell-main'}>{children}</main>
    </div>
  );
}
