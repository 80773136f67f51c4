import { memo, useCallback, useEffect, useRef, useState } from 'react';
import { ApiError, api } from '../api/client';
import type { OnlineEditor } from '../api/types';
import { activityOf, isActive } from '../live/activity';
import { Avatar } from '../ui/avatar';
import { Confirm } from '../ui/confirm';
import { useTask } from '../ui/useTask';
import { byDocument, counted, lasting, matches, type OpenDocument } from './online';

const roleWord: Record<OnlineEditor['role'], string> = {
  owner: 'Owner',
  editor: 'Can edit',
  commenter: 'View only',
  viewer: 'View only',
};

const Connection = memo(function Connection({
  editor,
  now,
  onEnd,
}: {
  editor: OnlineEditor;
  now: number;
  onEnd: (editor: OnlineEditor) => void;
}) {
  const { user, role, node, since, lastActive } = editor;
  const active = isActive(lastActive, now);
  return (
    <li className="row online-row" data-connection={editor.connectionId} data-user={user.name}>
      <Avatar id={user.id} name={user.name} />
      <span className="online-who">
        <span className="row-title">{user.name}</span>
        <span className="online-role">{roleWord[role]}</span>
      </span>
      <span className="online-fact online-node">
        <span className="online-label">Server </span>
        <code>{node}</code>
      </span>
      <span className="online-fact online-since" title={`Since ${new Date(since).toLocaleString()}`}>
        <span className="online-label">Here for </span>
        {lasting(since, now)}
      </span>
      <span className="online-fact online-activity" data-active={active} title={new Date(lastActive).toLocaleString()}>
        {activityOf(lastActive, now)}
      </span>
      <button
        type="button"
        className="button button-quiet button-small"
        aria-label={`End the connection of ${user.name}`}
        onClick={() => {
          onEnd(editor);
        }}
      >
        End
      </button>
    </li>
  );
});

function Group({ doc, now, onEnd }: { doc: OpenDocument; now: number; onEnd: (editor: OnlineEditor) => void }) {
  const title = doc.title || 'Untitled';
  return (
    <section className="online-group" aria-label={title} data-document={title}>
      <div className="online-group-head">
        <h3>{title}</h3>
        <span className="quiet">{counted(doc.editors.length, 'connection', 'connections')}</span>
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
    const name = `The connection of ${user.name} to “${document.title || 'Untitled'}”`;
    const succeeded = await task.run(async () => {
      try {
        await api.endConnection(connectionId);
        setDone(`${name} was ended.`);
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
        setDone(`${name} had ended already.`);
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
          Filter by person, document or server
        </label>
        <input
          id="online-filter"
          type="search"
          placeholder="Filter by person, document or server"
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
          No person, document or server contains “{query.trim()}”.
        </p>
      ) : (
        <section className="empty" data-testid="nobody">
          <h3>It is quiet</h3>
          <p>As soon as somebody opens one, here or on another server, you see it here without reloading.</p>
        </section>
      )}
      {asked ? (
        <Confirm
          title={`End the connection of ${asked.user.name}?`}
          action="End connection"
          busy={task.busy}
          problem={task.problem}
          onConfirm={() => end(asked)}
          onClose={() => {
            setAsked(null);
          }}
        >
          <p>
            The page in which {asked.user.name} has “{asked.document.title || 'Untitled'}” open is told so and stays
            disconnected until it is reloaded. To keep somebody out, remove them from the document or disable the
            account.
          </p>
        </Confirm>
      ) : null}
    </>
  );
}
