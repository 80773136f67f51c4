import type { KeyboardEvent } from 'react';
import type { DocumentInfo, User } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import { Avatar } from '../ui/avatar';
import { Icon } from '../ui/icon';
import { Menu, type MenuItem } from '../ui/menu';
import { fullTime, when } from '../ui/when';

interface Props {
  documents: DocumentInfo[];
  user: User;
  /** When the list was read, in milliseconds. */
  now: number;
  trash: boolean;
  /** Show when each was made, not when it changed. */
  byCreation: boolean;
  busy: boolean;
  onRename: (doc: DocumentInfo) => void;
  onDuplicate: (doc: DocumentInfo) => void;
  onCopyLink: (doc: DocumentInfo) => void;
  onTrash: (doc: DocumentInfo) => void;
  onRestore: (doc: DocumentInfo) => void;
  onPurge: (doc: DocumentInfo) => void;
  onLeave: (doc: DocumentInfo) => void;
}

const day = 86_400_000;

function Row({ doc, ...props }: Omit<Props, 'documents'> & { doc: DocumentInfo }) {
  const t = useText();
  const { user, now, trash, byCreation } = props;
  const title = doc.title || t('common.untitled');
  const mine = doc.owner.id === user.id;
  const time = byCreation ? doc.createdAt : doc.updatedAt;

  const open: MenuItem = {
    label: t('documents.open'),
    icon: 'open',
    onChoose: () => {
      window.open(`/d/${doc.id}`, '_blank', 'noopener');
    },
  };
  const link: MenuItem = {
    label: t('documents.copyLink'),
    icon: 'link',
    onChoose: () => {
      props.onCopyLink(doc);
    },
  };
  const copy: MenuItem = {
    label: t('documents.duplicate'),
    icon: 'copy',
    onChoose: () => {
      props.onDuplicate(doc);
    },
  };
  const rename: MenuItem = {
    label: t('documents.rename'),
    icon: 'pencil',
    onChoose: () => {
      props.onRename(doc);
    },
  };
  const remove: MenuItem = {
    label: t('documents.trash'),
    icon: 'trash',
    danger: true,
    onChoose: () => {
      props.onTrash(doc);
    },
  };
  const leave: MenuItem = {
    label: t('share.leave'),
    icon: 'leave',
    danger: true,
    onChoose: () => {
      props.onLeave(doc);
    },
  };
  const writes = doc.role === 'owner' || doc.role === 'editor';
  const items = [open, link, ...(writes ? [rename] : []), copy, null, doc.role === 'owner' ? remove : leave];

  const left = doc.expiresAt ? Math.ceil((Date.parse(doc.expiresAt) - now) / day) : 0;
  const body = (
    <>
      <span className="doc-icon" data-kind={doc.kind}>
        <Icon name={doc.kind === 'text' ? 'code' : 'page'} size={20} />
      </span>
      <span className="doc-title">
        <span className="row-title">{title}</span>
        {doc.kind === 'text' ? <span className="visually-hidden">, {t('documents.text')}</span> : null}
        {doc.role === 'viewer' || doc.role === 'commenter' ? (
          <span className="doc-role">{t('role.viewer')}</span>
        ) : null}
      </span>
      <span className="doc-owner">
        <Avatar id={doc.owner.id} name={doc.owner.name} small />
        <span>{mine ? t('documents.me') : doc.owner.name}</span>
      </span>
      {trash ? (
        <span className="doc-when">{left > 0 ? t('documents.expires', { n: left }) : t('documents.expiresToday')}</span>
      ) : (
        <time className="doc-when" dateTime={time} title={fullTime(time)}>
          {when(time, now)}
        </time>
      )}
    </>
  );

  return (
    <li className="row doc" data-trash={trash}>
      {trash ? (
        <span className="doc-main">{body}</span>
      ) : (
        <Link href={`/d/${doc.id}`} className="doc-main">
          {body}
        </Link>
      )}
      {trash ? (
        <span className="doc-acts">
          <button
            type="button"
            className="button button-small"
            disabled={props.busy}
            aria-label={t('documents.restoreNamed', { title })}
            onClick={() => {
              props.onRestore(doc);
            }}
          >
            {t('documents.restore')}
          </button>
          <button
            type="button"
            className="icon-button icon-button-small"
            disabled={props.busy}
            title={t('documents.purge')}
            aria-label={t('documents.purgeNamed', { title })}
            onClick={() => {
              props.onPurge(doc);
            }}
          >
            <Icon name="trash" />
          </button>
        </span>
      ) : (
        <Menu
          label={t('documents.actions', { title })}
          triggerClass="icon-button icon-button-small"
          trigger={<Icon name="more" />}
          items={items}
        />
      )}
    </li>
  );
}

/** The documents, a row each. Arrow keys move between the rows, as Tab does. */
export function DocumentRows(props: Props) {
  const t = useText();
  const { documents, trash, byCreation } = props;

  const onKeyDown = (event: KeyboardEvent<HTMLUListElement>) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    if (event.target instanceof Element && event.target.closest('[role=menu]')) return;
    const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('a.doc-main')];
    const row = document.activeElement?.closest('li');
    const at = stops.findIndex((stop) => stop.closest('li') === row);
    const next = stops[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.focus();
  };

  return (
    <div className="docs" data-trash={trash}>
      <div className="docs-head" aria-hidden="true">
        <span>{t('documents.head.title')}</span>
        <span>{t('documents.head.owner')}</span>
        <span>
          {trash ? t('documents.head.deleted') : byCreation ? t('documents.sort.created') : t('documents.head.changed')}
        </span>
      </div>
      <ul data-testid="documents" onKeyDown={onKeyDown}>
        {documents.map((doc) => (
          <Row key={doc.id} {...props} doc={doc} />
        ))}
      </ul>
    </div>
  );
}
