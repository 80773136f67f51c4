import { useState, type ReactNode } from 'react';
import { api, reasonOf } from '../api/client';
import type { User } from '../api/types';
import { Link, navigate, usePath } from '../router';
import { useSession } from '../session';
import { Avatar } from './avatar';
import { Logo } from './logo';

/** The frame of the pages with the main navigation: documents, people, who am I, log out. */
export function Shell({ user, children }: { user: User; children: ReactNode }) {
  const path = usePath();
  const { leave } = useSession();
  const [problem, setProblem] = useState('');

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
        </nav>
        <div className="shell-me">
          <Avatar id={user.id} name={user.name} title={`${user.name}, ${user.email}`} />
          <span className="shell-name">{user.name}</span>
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
      <main className="shell-main">{children}</main>
    </div>
  );
}
