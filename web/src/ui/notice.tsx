import type { ReactNode } from 'react';
import { Link } from '../router';
import { Logo } from './logo';
import { useTitle } from './useTitle';

/** A page that says one thing: something is loading, missing or wrong, and what can be done. */
export function Notice({ title, children, quiet = false }: { title: string; children?: ReactNode; quiet?: boolean }) {
  useTitle(title);
  return (
    <main className={quiet ? 'notice notice-quiet' : 'notice'} aria-busy={quiet}>
      {quiet ? null : (
        <Link href="/" className="notice-mark" aria-label="BizSync">
          <Logo size={36} />
        </Link>
      )}
      <h1>{title}</h1>
      {children}
    </main>
  );
}
