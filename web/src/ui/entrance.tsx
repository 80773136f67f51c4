import type { ReactNode } from 'react';
import { chooseLanguage, languages, useLanguage, useText } from '../i18n';
import { Logo } from './logo';
import { useTitle } from './useTitle';

/** The frame of the pages that one sees before being logged in. */
export function Entrance({
  title,
  lead,
  foot,
  children,
}: {
  title: string;
  lead?: ReactNode;
  foot?: ReactNode;
  children: ReactNode;
}) {
  useTitle(title);
  const t = useText();
  const language = useLanguage();
  return (
    <div className="entrance">
      <div className="entrance-mark">
        <Logo size={36} />
        <span>BizSync</span>
      </div>
      <main className="entrance-sheet">
        <h1>{title}</h1>
        {lead ? <div className="lead">{lead}</div> : null}
        {children}
      </main>
      {foot ? <p className="entrance-foot">{foot}</p> : null}
      <div className="entrance-languages" role="group" aria-label={t('account.language')}>
        {languages.map(({ id, name }) => (
          <button
            key={id}
            type="button"
            lang={id}
            aria-pressed={id === language}
            onClick={() => {
              void chooseLanguage(id);
            }}
          >
            {name}
          </button>
        ))}
      </div>
    </div>
  );
}
