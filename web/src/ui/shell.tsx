import { useEffect, useRef, useState, type ReactNode } from 'react';
import { api, reasonOf } from '../api/client';
import type { User } from '../api/types';
import { useText } from '../i18n';
import { Bell } from '../notices/bell';
import { useNotices } from '../notices/context';
import { Link, hasMoved, navigate, usePath } from '../router';
import { useSession } from '../session';
import { AccountMenu } from './accountMenu';
import { Icon, type IconName } from './icon';
import { Logo } from './logo';

interface Place {
  href: string;
  label: 'shell.all' | 'shell.owned' | 'shell.shared' | 'shell.trash' | 'shell.people' | 'shell.admin' | 'shell.audit';
  icon: IconName;
}

const library: Place[] = [
  { href: '/', label: 'shell.all', icon: 'page' },
  { href: '/owned', label: 'shell.owned', icon: 'person' },
  { href: '/shared', label: 'shell.shared', icon: 'shared' },
  { href: '/trash', label: 'shell.trash', icon: 'trash' },
];

const administration: Place[] = [
  { href: '/people', label: 'shell.people', icon: 'people' },
  { href: '/admin', label: 'shell.admin', icon: 'pulse' },
  { href: '/admin/audit', label: 'shell.audit', icon: 'list' },
];

function Places({ places, path }: { places: Place[]; path: string }) {
  const t = useText();
  return (
    <ul className="side-places">
      {places.map(({ href, label, icon }) => (
        <li key={href}>
          <Link href={href} aria-current={path === href ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{t(label)}</span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/**
 * The frame of all pages but the editor: where one can go, notices, who one is. On narrow screens the places are in a
 * drawer.
 */
export function Shell({ user, wide = false, children }: { user: User; wide?: boolean; children?: ReactNode }) {
  const t = useText();
  const path = usePath();
  const { leave } = useSession();
  const { loggedOut } = useNotices().state;
  const [problem, setProblem] = useState('');
  const [open, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const side = useRef<HTMLElement>(null);
  const main = useRef<HTMLElement>(null);

  // What had the focus is gone with the page before; a screen reader begins with the new one's heading.
  useEffect(() => {
    if (!hasMoved() || document.activeElement !== document.body) return;
    const heading = main.current?.querySelector('h1');
    if (heading) heading.tabIndex = -1;
    (heading ?? main.current)?.focus({ preventScroll: true });
  }, []);

  // Logged out elsewhere. The editor isn't in this frame: it may hold what isn't saved, and says so itself.
  useEffect(() => {
    if (loggedOut) leave();
  }, [loggedOut, leave]);

  useEffect(() => {
    if (!open) return;
    side.current?.querySelector<HTMLElement>('a, button')?.focus();
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      opener.current?.focus();
    };
    document.addEventListener('keydown', key);
    return () => {
      document.removeEventListener('keydown', key);
    };
  }, [open]);

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
    <div className="shell" data-menu={open}>
      <a className="skip" href="#content">
        {t('shell.skip')}
      </a>
      <header className="top">
        <button
          ref={opener}
          type="button"
          className="icon-button top-menu"
          aria-label={open ? t('shell.closeMenu') : t('shell.menu')}
          aria-expanded={open}
          aria-controls="side"
          onClick={() => {
            setOpen(!open);
          }}
        >
          <Icon name={open ? 'close' : 'menu'} size={20} />
        </button>
        <Link href="/" className="side-home">
          <Logo />
          <span>BizSync</span>
        </Link>
        <div className="top-me">
          <Bell />
          <AccountMenu user={user} onLogOut={logOut} />
        </div>
      </header>
      {open ? (
        <div
          className="shade"
          onClick={() => {
            setOpen(false);
          }}
        />
      ) : null}
      <nav
        ref={side}
        id="side"
        className="side"
        aria-label={t('shell.main')}
        onClick={(event) => {
          if (event.target instanceof Element && event.target.closest('a')) setOpen(false);
        }}
      >
        <Places places={library} path={path} />
        {user.role === 'admin' ? (
          <>
            <h2 className="side-head">{t('shell.administration')}</h2>
            <Places places={administration} path={path} />
          </>
        ) : null}
      </nav>
      <main ref={main} id="content" className={wide ? 'page page-wide' : 'page'} tabIndex={-1}>
        {problem ? (
          <p className="form-error" role="alert">
            {problem}
          </p>
        ) : null}
        {children}
      </main>
    </div>
  );
}
