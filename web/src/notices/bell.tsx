import type { Notice } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import { Avatar } from '../ui/avatar';
import { Icon } from '../ui/icon';
import { Popover } from '../ui/popover';
import { useNow } from '../ui/useNow';
import { fullTime, when } from '../ui/when';
import { useNotices } from './context';
import type { NoticeCenter } from './noticeCenter';
import { NoticeText } from './noticeText';
import { linkOf, textOf } from './sentence';

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
  const t = useText();
  const link = linkOf(notice);
  const unread = !notice.readAt;
  const body = (
    <>
      <Avatar id={notice.actor?.id ?? notice.document.id} name={notice.actor?.name ?? ''} />
      <span className="note-body">
        <span className="note-text">
          {unread ? <span className="visually-hidden">{t('notices.unreadMark')}</span> : null}
          <NoticeText notice={notice} />
        </span>
        <time className="note-when" dateTime={notice.createdAt} title={fullTime(notice.createdAt)}>
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
          title={t('notices.mark')}
          aria-label={t('notices.markOne', { text: textOf(notice) })}
          onClick={() => center.markRead(notice.id)}
        />
      ) : null}
    </li>
  );
}

function Panel({ close }: { close: () => void }) {
  const t = useText();
  const { center, state } = useNotices();
  const now = useNow(30_000);
  const { notices, unread, status, problem, nextCursor } = state;
  return (
    <>
      <div className="notes-head">
        <h2>{t('notices.title')}</h2>
        <button
          type="button"
          className="button button-quiet button-small"
          disabled={unread === 0}
          onClick={() => center.markAllRead()}
        >
          {t('notices.markAll')}
        </button>
      </div>
      {problem ? (
        <div className="notes-problem" role="alert">
          <p>{problem}</p>
          {status === 'failed' ? (
            <button type="button" className="button button-small" onClick={() => center.read()}>
              {t('common.tryAgain')}
            </button>
          ) : null}
        </div>
      ) : null}
      {status === 'loading' ? <p className="notes-quiet">{t('common.listing')}</p> : null}
      {status === 'ready' && notices.length === 0 ? (
        <div className="notes-quiet" data-testid="no-notices">
          <p>
            <strong>{t('notices.none')}</strong>
          </p>
          <p>{t('notices.noneText')}</p>
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
                {t('notices.older')}
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
  const t = useText();
  const { state } = useNotices();
  const { unread } = state;
  const label = unread === 0 ? t('notices.title') : t('notices.unread', { n: unread });
  return (
    <Popover
      label={t('notices.title')}
      className="bell"
      testId="bell"
      triggerClass="icon-button"
      triggerLabel={label}
      trigger={
        <>
          <Icon name="bell" size={20} />
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
