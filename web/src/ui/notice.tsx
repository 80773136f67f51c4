import type { ReactNode } from 'react';
import { useTitle } from './useTitle';

/** A page that says one thing: something is loading, missing or wrong, and what can be done. */
export function Notice({ title, children, quiet = false }: { title: string; children?: ReactNode; quiet?: boolean }) {
  useTitle(title);
  return (
    <main className={quiet ? 'notice notice-quiet' : 'notice'} aria-busy={quiet}>
      <h1>{title}</h1>
      {children}
    </main>
  );
}
