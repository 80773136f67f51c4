import type { Notice } from '../api/types';
import { Link } from '../router';
import { Avatar } from '../ui/avatar';
import { Popover } from '../ui/popover';
import { useNow } from '../ui/useNow';
import { when } from '../ui/when';
import { useNotices } from './context';
import type { NoticeCenter } from './noticeCenter';
import { NoticeText } from './noticeText';
import { linkOf, textOf } from './sentence';

function BellIcon() {
  return (
    <svg
      width="20"
      height="20"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d="M10 3a4.5 4.5 0 0 0-4.5 4.5c0 4-1.6 5.2-1.6 6.4h12.2c0-1.2-1.6-2.4-1.6-6.4A4.5 4.5 0 0 0 10 3ZM8.2 16.4a2 2 0 0 0 3.6 0" />
    </svg>
  );
}

function Item({
  notice,
  now,
  center,
  onFollow,
}: {
  notice: Notice;
  now: number;
  center: NoticeCenter;
  onFollow: () => void;
}) {
  const link = linkOf(notice);
  const unread = !notice.readAt;
  const body = (
    <>
      <Avatar id={notice.actor?.id ?? notice.document.id} name={notice.actor?.name ?? ''} />
      <span className="note-body">
        <span className="note-text">
          {unread ? <span className="visually-hidden">Unread: </span> : null}
          <NoticeText notice={notice} />
        </span>
        <time className="note-when" dateTime={notice.createdAt} title={new Date(notice.createdAt).toLocaleString()}>
          {when(notice.createdAt, now)}
        </time>
      </span>
    </>
  );
  return (
    <li className={unread ? 'note note-unread' : 'note'} data-kind={notice.kind}>
      {link ? (
        <Link
          href={link}
          className="note-main"
          onClick={() => {
            void center.markRead(notice.id);
            onFollow();
          }}
        >
          {body}
        </Link>
      ) : (
        <span className="note-main">{body}</span>
      )}
      {unread ? (
        <button
          type="button"
          className="note-dot"
          title="Mark as read"
          aria-label={`Mark as read: ${textOf(notice)}`}
          onClick={() => center.markRead(notice.id)}
        />
      ) : null}
    </li>
  );
}

function Panel({ close }: { close: () => void }) {
  const { center, state } = useNotices();
  const now = useNow(30_000);
  const { notices, unread, status, problem, nextCursor } = state;
  return (
    <>
      <div className="notes-head">
        <h2>Notifications</h2>
        <button
          type="button"
          className="button button-quiet button-small"
          disabled={unread === 0}
          onClick={() => center.markAllRead()}
        >
          Mark all as read
        </button>
      </div>
      {problem ? (
        <div className="notes-problem" role="alert">
          <p>{problem}</p>
          {status === 'failed' ? (
            <button type="button" className="button button-small" onClick={() => center.read()}>
              Try again
            </button>
          ) : null}
        </div>
      ) : null}
      {status === 'loading' ? <p className="notes-quiet">Reading the list…</p> : null}
      {status === 'ready' && notices.length === 0 ? (
        <div className="notes-quiet" data-testid="no-notices">
          <p>
            <strong>Nothing yet</strong>
          </p>
          <p>When somebody shares a document with you, or changes what you may do in it, you read it here.</p>
        </div>
      ) : null}
      {notices.length > 0 ? (
        <ul className="notes" data-testid="notices">
          {notices.map((notice) => (
            <Item key={notice.id} notice={notice} now={now} center={center} onFollow={close} />
          ))}
          {nextCursor ? (
            <li className="notes-more">
              <button type="button" className="button button-quiet button-small" onClick={() => center.more()}>
                Show older
              </button>
            </li>
          ) : null}
        </ul>
      ) : null}
    </>
  );
}

/** The bell with the number of unread notices, and the list that it opens. */
export function Bell() {
  const { state } = useNotices();
  const { unread } = state;
  const label = unread === 0 ? 'Notifications' : `Notifications, ${unread} unread`;
  return (
    <Popover
      label="Notifications"
      className="bell"
      testId="bell"
      triggerClass="icon-button"
      triggerLabel={label}
      trigger={
        <>
          <BellIcon />
          {unread > 0 ? (
            <span className="bell-count" data-testid="unread" aria-hidden="true">
              {unread > 99 ? '99+' : unread}
            </span>
          ) : null}
        </>
      }
    >
      {(close) => <Panel close={close} />}
    </Popover>
  );
}
