import type { ReactNode } from 'react';
import { Logo } from './logo';
import { useTitle } from './useTitle';

/** The frame of the pages that one sees before being logged in. */
export function Entrance({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  useTitle(title);
  return (
    <main className="entrance">
      <div className="entrance-mark">
        <Logo size={32} />
        <span>BizSync</span>
      </div>
      <div className="entrance-sheet">
        <h1>{title}</h1>
        {lead ? <div className="lead">{lead}</div> : null}
        {children}
      </div>
    </main>
  );
}
