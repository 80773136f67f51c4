import { useState } from 'react';
import { useText } from '../i18n';
import { Icon } from './icons';

/** Tells once that what was unsaved when an earlier page was closed is saved now. */
export function Restored({ shown }: { shown: boolean }) {
  const t = useText();
  const [read, setRead] = useState(false);
  const visible = shown && !read;
  return (
    <div role="status" className={visible ? 'restored' : undefined} data-testid={visible ? 'restored' : undefined}>
      {visible ? (
        <>
          <span>{t('editor.restored')}</span>
          <button
            type="button"
            className="tool"
            aria-label={t('common.close')}
            onClick={() => {
              setRead(true);
            }}
          >
            <Icon name="close" />
          </button>
        </>
      ) : null}
    </div>
  );
}
