import { useEffect, useSyncExternalStore } from 'react';
import { useText } from '../i18n';
import { colourOf } from '../ui/colour';
import type { Follow } from './follow';
import { Icon } from './icons';

/** The keys with which one goes one's own way. */
const ownWay = new Set([
  'PageUp',
  'PageDown',
  'Home',
  'End',
  'ArrowUp',
  'ArrowDown',
  'ArrowLeft',
  'ArrowRight',
  'Escape',
]);

/** Says whom the page follows. Scrolling oneself, moving the caret, writing and Escape end it. */
export function FollowBar({ follow }: { follow: Follow }) {
  const t = useText();
  const followed = useSyncExternalStore(follow.subscribe, follow.snapshot);
  const following = followed !== null;

  useEffect(() => {
    if (!following) return;
    const key = (event: KeyboardEvent) => {
      if (ownWay.has(event.key)) follow.stop();
    };
    window.addEventListener('wheel', follow.stop, { passive: true });
    window.addEventListener('touchmove', follow.stop, { passive: true });
    document.addEventListener('beforeinput', follow.stop);
    document.addEventListener('keydown', key);
    return () => {
      window.removeEventListener('wheel', follow.stop);
      window.removeEventListener('touchmove', follow.stop);
      document.removeEventListener('beforeinput', follow.stop);
      document.removeEventListener('keydown', key);
    };
  }, [following, follow]);

  const said = followed
    ? t(followed.present ? 'editor.follow.following' : 'editor.follow.waiting', { name: followed.name })
    : '';
  return (
    <>
      <span className="visually-hidden" role="status">
        {said}
      </span>
      {followed ? (
        <div style={{ '--who': colourOf(followed.id) }}>
          <div className="follow-frame" />
          <div className="follow-bar" data-testid="follow">
            <Icon name="eye" />
            <span className="follow-name">{said}</span>
            <button type="button" onClick={follow.stop}>
              {t('editor.follow.stop')}
            </button>
          </div>
        </div>
      ) : null}
    </>
  );
}
