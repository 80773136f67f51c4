import { useEffect, useState } from 'react';
import type { Notice } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import { Icon } from '../ui/icon';
import { useNotices } from './context';
import { NoticeText } from './noticeText';
import { linkOf } from './sentence';

/** How long a new notice stays in sight, in milliseconds, unless somebody points at it. */
const stay = 8_000;

function Toast({ notice, onOpen, onClose }: { notice: Notice; onOpen: () => void; onClose: () => void }) {
  const t = useText();
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (held) return;
    const timer = window.setTimeout(onClose, stay);
    return () => {
      window.clearTimeout(timer);
    };
  }, [held, onClose]);
  const hold = () => {
    setHeld(true);
  };
  const letGo = () => {
    setHeld(false);
  };
  const link = linkOf(notice);
  return (
    <div
      className="toast"
      data-testid="toast"
      onPointerEnter={hold}
      onPointerLeave={letGo}
      onFocus={hold}
      onBlur={letGo}
    >
      {link ? (
        <Link href={link} className="toast-text" onClick={onOpen}>
          <NoticeText notice={notice} />
        </Link>
      ) : (
        <p className="toast-text">
          <NoticeText notice={notice} />
        </p>
      )}
      <button type="button" className="toast-close" aria-label={t('common.dismiss')} onClick={onClose}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}

/** Shows the newest notice for a while when it arrives, without taking the focus. */
export function NoticeToast() {
  const { center, state } = useNotices();
  const { fresh } = state;
  return (
    <div className="toasts" role="status">
      {fresh ? (
        <Toast
          key={fresh.id}
          notice={fresh}
          onOpen={() => {
            center.dismiss();
            void center.markRead(fresh.id);
          }}
          onClose={center.dismiss}
        />
      ) : null}
    </div>
  );
}
