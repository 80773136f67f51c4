import { memo, useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, api } from '../api/client';
import type { OnlineEditor } from '../api/types';
import { useText } from '../i18n';
import { activityOf, isActive } from '../live/activity';
import { Avatar } from '../ui/avatar';
import { Confirm } from '../ui/confirm';
import { Icon } from '../ui/icon';
import { useTask } from '../ui/useTask';
import { fullTime } from '../ui/when';
import { byDocument, lasting, matches, type OpenDocument } from './online';

const Connection = memo(function Connection({
  editor,
  now,
  onEnd,
}: {
  editor: OnlineEditor;
  now: number;
  onEnd: (editor: OnlineEditor) => void;
}) {
  const t = useText();
  const { user, role, node, since, lastActive } = editor;
  const active = isActive(lastActive, now);
  return (
    <li className="row online-row" data-connection={editor.connectionId} data-user={user.name}>
      <Avatar id={user.id} name={user.name} />
      <span className="online-who">
        <span className="row-title">{user.name}</span>
        <span className="online-role">{t(`role.${role}`)}</span>
      </span>
      <span className="online-fact online-node">
        <span className="online-label">{t('admin.server')} </span>
        <code>{node}</code>
      </span>
      <span className="online-fact online-since" title={t('admin.since', { when: fullTime(since) })}>
        <span className="online-label">{t('admin.hereFor')} </span>
        {lasting(since, now)}
      </span>
      <span className="online-fact online-activity" data-active={active} title={fullTime(lastActive)}>
        {activityOf(lastActive, now)}
      </span>
      <button
        type="button"
        className="button button-quiet button-small"
        aria-label={t('admin.endNamed', { name: user.name })}
        onClick={() => {
          onEnd(editor);
        }}
      >
        {t('admin.end')}
      </button>
    </li>
  );
});

function Group({ doc, now, onEnd }: { doc: OpenDocument; now: number; onEnd: (editor: OnlineEditor) => void }) {
  const t = useText();
  const title = doc.title || t('common.untitled');
  return (
    <section className="online-group" aria-label={title} data-document={title}>
      <div className="online-group-head">
        <h3>{title}</h3>
        <span className="quiet">{t('count.connections', { n: doc.editors.length })}</span>
      </div>
      <ul className="rows">
        {doc.editors.map((editor) => (
          <Connection key={editor.connectionId} editor={editor} now={now} onEnd={onEnd} />
        ))}
      </ul>
    </section>
  );
}

/** Everybody who has a document open, grouped by document, with the means to end a connection. */
export function OnlineList({
  editors,
  now,
  onEnded,
}: {
  editors: readonly OnlineEditor[];
  now: number;
  onEnded: (connectionId: string) => void;
}) {
  const t = useText();
  const [query, setQuery] = useState('');
  const [asked, setAsked] = useState<OnlineEditor | null>(null);
  const [done, setDone] = useState('');
  const task = useTask();
  const outcome = useRef<HTMLParagraphElement>(null);
  // The button that was pressed is gone with its row.
  useEffect(() => {
    if (done) outcome.current?.focus();
  }, [done]);
  const groups = byDocument(editors.filter((editor) => matches(editor, query)));

  const ask = useCallback((editor: OnlineEditor) => {
    setDone('');
    setAsked(editor);
  }, []);

  const end = async ({ connectionId, user, document }: OnlineEditor) => {
    const what = { name: user.name, title: document.title || t('common.untitled') };
    const succeeded = await task.run(async () => {
      try {
        await api.endConnection(connectionId);
        setDone(t('admin.ended', what));
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        setDone(t('admin.hadEnded', what));
      }
    });
    if (!succeeded) return;
    onEnded(connectionId);
    setAsked(null);
  };

  return (
    <>
      <div className="search">
        <label htmlFor="online-filter" className="visually-hidden">
          {t('admin.filter')}
        </label>
        <Icon name="search" />
        <input
          id="online-filter"
          type="search"
          placeholder={t('admin.filter')}
          value={query}
          onChange={(e) => {
            setQuery(e.target.value);
          }}
        />
      </div>
      <p ref={outcome} className={done ? 'callout' : 'visually-hidden'} role="status" tabIndex={-1} data-testid="ended">
        {done}
      </p>
      {groups.length > 0 ? (
        <div className="online" data-testid="online">
          {groups.map((doc) => (
            <Group key={doc.id} doc={doc} now={now} onEnd={ask} />
          ))}
        </div>
      ) : editors.length > 0 ? (
        <p className="quiet" data-testid="no-match">
          {t('admin.noMatch', { query: query.trim() })}
        </p>
      ) : (
        <section className="empty empty-framed" data-testid="nobody">
          <span className="empty-icon">
            <Icon name="pulse" size={24} />
          </span>
          <h3>{t('admin.quiet')}</h3>
          <p>{t('admin.quietText')}</p>
        </section>
      )}
      {asked ? (
        <Confirm
          title={t('admin.endTitle', { name: asked.user.name })}
          action={t('admin.endAction')}
          busy={task.busy}
          problem={task.problem}
          onConfirm={() => end(asked)}
          onClose={() => {
            setAsked(null);
          }}
        >
          <p>{t('admin.endText', { name: asked.user.name, title: asked.document.title || t('common.untitled') })}</p>
        </Confirm>
      ) : null}
    </>
  );
}
