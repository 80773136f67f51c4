import { useCallback, useEffect, useMemo, useState } from 'react';
import { actOf, dayOf, isGrave, linkOf } from '../admin/acts';
import { detailOf, type NameOf } from '../admin/details';
import { ApiError, api, reasonOf } from '../api/client';
import type { AuditEntry, AuditQuery, User } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import { useSession } from '../session';
import { Avatar } from '../ui/avatar';
import { DateField } from '../ui/dateField';
import { today } from '../ui/day';
import { FormError } from '../ui/field';
import { Icon } from '../ui/icon';
import { Shell } from '../ui/shell';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import { fullTime } from '../ui/when';
import '../styles/documents.css';
import '../styles/admin.css';
import '../styles/audit.css';
import '../styles/date.css';

const kinds = [
  ['', 'audit.all'],
  ['session.', 'audit.sessions'],
  ['user.', 'audit.users'],
  ['document.', 'audit.documents'],
  ['key.', 'audit.keys'],
  ['token.', 'audit.tokens'],
  ['admin.', 'audit.admins'],
  ['audit.', 'audit.itself'],
] as const;

interface Filters {
  action: string;
  actor: string;
  from: string;
  to: string;
}

const noFilters: Filters = { action: '', actor: '', from: '', to: '' };

function queryOf({ action, actor, from, to }: Filters): AuditQuery {
  const begin = dayOf(from)?.begin;
  const end = dayOf(to)?.end;
  return {
    ...(action ? { action } : {}),
    ...(actor ? { actor } : {}),
    ...(begin ? { from: begin } : {}),
    ...(end ? { to: end } : {}),
  };
}

function Entry({ entry, nameOf }: { entry: AuditEntry; nameOf: NameOf }) {
  const t = useText();
  const link = linkOf(entry);
  const { actor, name } = entry;
  // What one did to oneself needs no name.
  const detail = detailOf(entry, nameOf);
  const about = name && entry.subject !== actor?.id ? name : '';
  return (
    <tr data-action={entry.action} data-grave={isGrave(entry)}>
      <td className="audit-when" data-label={t('audit.when')}>
        <time dateTime={entry.at}>{fullTime(entry.at)}</time>
      </td>
      <td className="audit-who" data-label={t('audit.who')}>
        {actor ? (
          <span className="audit-actor">
            <Avatar id={actor.id} name={actor.name} small />
            <span>{actor.name}</span>
            {entry.key ? (
              <span className="chip" title={entry.key}>
                {t('audit.byKey')}
              </span>
            ) : null}
          </span>
        ) : (
          <span className="quiet">{t(entry.action.startsWith('audit.') ? 'audit.server' : 'audit.nobody')}</span>
        )}
      </td>
      <td className="audit-what" data-label={t('audit.what')}>
        <span className="audit-act">{actOf(entry)}</span>
        {about ? link ? <Link href={link}>{about}</Link> : <span className="audit-name">{about}</span> : null}
        {detail ? (
          <span className="audit-detail" title={entry.detail}>
            {detail}
          </span>
        ) : null}
      </td>
      <td className="audit-address" data-label={t('audit.address')}>
        <code>{entry.address}</code>
      </td>
    </tr>
  );
}

function Log() {
  const t = useText();
  const { leave } = useSession();
  const [filters, setFilters] = useState(noFilters);
  const [people, setPeople] = useState<User[]>([]);
  const [log, setLog] = useState<{ entries: AuditEntry[]; nextCursor: string } | null>(null);
  const [problem, setProblem] = useState('');
  const older = useTask();

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  useEffect(() => {
    const abort = new AbortController();
    api.users(abort.signal).then(setPeople, (error: unknown) => {
      if (!abort.signal.aborted) failed(error);
    });
    return () => {
      abort.abort();
    };
  }, [failed]);

  useEffect(() => {
    const abort = new AbortController();
    api.audit(queryOf(filters), abort.signal).then(
      ({ data, nextCursor }) => {
        setLog({ entries: data, nextCursor });
        setProblem('');
      },
      (error: unknown) => {
        if (!abort.signal.aborted) failed(error);
      },
    );
    return () => {
      abort.abort();
    };
  }, [filters, failed]);

  const more = () =>
    older.run(async () => {
      if (!log) return;
      const { data, nextCursor } = await api.audit({ ...queryOf(filters), cursor: log.nextCursor });
      setLog({ entries: [...log.entries, ...data], nextCursor });
    });

  const names = useMemo(() => new Map(people.map(({ id, name }) => [id, name])), [people]);
  const nameOf = (id: string) => names.get(id) ?? '';
  const set = (change: Partial<Filters>) => {
    setFilters((before) => ({ ...before, ...change }));
  };
  const filtered = Object.values(filters).some((value) => value !== '');

  return (
    <>
      <div className="page-head">
        <h1>{t('audit.title')}</h1>
      </div>
      <p className="page-lead">{t('audit.lead')}</p>
      <form
        className="filters"
        onSubmit={(event) => {
          event.preventDefault();
        }}
      >
        <label>
          <span>{t('audit.action')}</span>
          <select
            value={filters.action}
            onChange={(e) => {
              set({ action: e.target.value });
            }}
          >
            {kinds.map(([action, key]) => (
              <option key={key} value={action}>
                {t(key)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t('audit.person')}</span>
          <select
            value={filters.actor}
            onChange={(e) => {
              set({ actor: e.target.value });
            }}
          >
            <option value="">{t('audit.anybody')}</option>
            {people.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <DateField
          label={t('audit.from')}
          value={filters.from}
          max={filters.to || today()}
          onChange={(from) => {
            set({ from });
          }}
        />
        <DateField
          label={t('audit.to')}
          value={filters.to}
          min={filters.from}
          max={today()}
          onChange={(to) => {
            set({ to });
          }}
        />
        {filtered ? (
          <button
            type="button"
            className="button button-quiet"
            onClick={() => {
              setFilters(noFilters);
            }}
          >
            {t('audit.clear')}
          </button>
        ) : null}
      </form>
      <FormError>{older.problem || problem}</FormError>
      {log === null ? (
        problem ? null : (
          <p className="quiet">{t('common.listing')}</p>
        )
      ) : log.entries.length === 0 ? (
        <section className="empty" data-testid="no-entries">
          <span className="empty-icon">
            <Icon name="list" size={24} />
          </span>
          <p>{t('audit.none')}</p>
        </section>
      ) : (
        <div className="table-frame">
          <table className="table audit" data-testid="audit">
            <thead>
              <tr>
                <th scope="col">{t('audit.when')}</th>
                <th scope="col">{t('audit.who')}</th>
                <th scope="col">{t('audit.what')}</th>
                <th scope="col">{t('audit.address')}</th>
              </tr>
            </thead>
            <tbody>
              {log.entries.map((entry) => (
                <Entry key={entry.id} entry={entry} nameOf={nameOf} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {log?.nextCursor ? (
        <button type="button" className="button more" disabled={older.busy} onClick={more}>
          {t('audit.older')}
        </button>
      ) : null}
    </>
  );
}

/** Who did what, for administrators. */
export default function AuditPage({ user }: { user: User }) {
  const t = useText();
  useTitle(t('audit.title'));
  return (
    <Shell user={user} wide>
      {user.role === 'admin' ? (
        <Log />
      ) : (
        <>
          <div className="page-head">
            <h1>{t('audit.title')}</h1>
          </div>
          <p className="quiet">{t('admin.forbidden')}</p>
        </>
      )}
    </Shell>
  );
}
