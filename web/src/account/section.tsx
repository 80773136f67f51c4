import type { ReactNode } from 'react';

/** A part of the settings: what it is about at the left, what can be set at the right. */
export function Section({
  id,
  title,
  text,
  children,
}: {
  id: string;
  title: string;
  text: string;
  children: ReactNode;
}) {
  return (
    <section className="setting" aria-labelledby={id}>
      <div className="setting-about">
        <h2 id={id}>{title}</h2>
        <p className="quiet">{text}</p>
      </div>
      <div className="setting-body">{children}</div>
    </section>
  );
}
