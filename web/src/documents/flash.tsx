import { useEffect } from 'react';
import { useText } from '../i18n';
import { Icon } from '../ui/icon';

/** What was just done, and perhaps the way back. */
export interface FlashText {
  text: string;
  action?: string;
  onAction?: () => void;
}

const stay = 9_000;

/** Says for a while what was done, without taking the focus. */
export function Flash({ said, onClose }: { said: FlashText | null; onClose: () => void }) {
  const t = useText();
  useEffect(() => {
    if (!said) return;
    const timer = window.setTimeout(onClose, stay);
    return () => {
      window.clearTimeout(timer);
    };
  }, [said, onClose]);
  return (
    <div className="flashes" role="status" data-testid="flash">
      {said ? (
        <div className="flash">
          <span>{said.text}</span>
          {said.action ? (
            <button type="button" className="flash-act" onClick={said.onAction}>
              {said.action}
            </button>
          ) : null}
          <button type="button" className="flash-close" aria-label={t('common.dismiss')} onClick={onClose}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ) : null}
    </div>
  );
}
