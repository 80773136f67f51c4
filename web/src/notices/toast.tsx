import { useEffect, useState } from 'react';
import type { Notice } from '../api/types';
import { Link } from '../router';
import { useNotices } from './context';
import { NoticeText } from './noticeText';
import { linkOf } from './sentence';

/** How long a new notice stays in sight, in milliseconds, unless somebody points at it. */
const stay = 8_000;

function Toast({ notice, onOpen, onClose }: { notice: Notice; onOpen: () => void; onClose: () => void }) {
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
      <button type="button" className="toast-close" aria-label="Dismiss" onClick={onClose}>
        <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
          <path d="m4 4 8 8M12 4l-8 8" fill="none" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
        </svg>
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
