import { useCallback, useEffect, useState } from 'react';
import { plain } from '../admin/online';
import { ApiError, api, reasonOf } from '../api/client';
import type { Invitation, User } from '../api/types';
import { rich, useText } from '../i18n';
import { AddPerson } from '../people/addPerson';
import { PersonRow } from '../people/personRow';
import { useSession } from '../session';
import { FormError } from '../ui/field';
import { Icon } from '../ui/icon';
import { Secret } from '../ui/secret';
import { Shell } from '../ui/shell';
import { useTitle } from '../ui/useTitle';
import { fullTime } from '../ui/when';
import { asReset } from './secretLink';
import '../styles/documents.css';
import '../styles/account.css';

/** A link that was just made for somebody. It is shown once: the server keeps only its hash. */
interface Linked {
  name: string;
  link: Invitation;
  reset: boolean;
}

/** More accounts than this are worth a filter. */
const many = 8;

/** The accounts of this installation, for administrators. */
export default function PeoplePage({ user }: { user: User }) {
  const t = useText();
  useTitle(t('people.title'));
  const { leave } = useSession();
  const [people, setPeople] = useState<User[] | null>(null);
  const [problem, setProblem] = useState('');
  const [linked, setLinked] = useState<Linked | null>(null);
  const [adding, setAdding] = useState(false);
  const [said, setSaid] = useState('');
  const [filter, setFilter] = useState('');
  const isAdmin = user.role === 'admin';

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  useEffect(() => {
    if (!isAdmin) return;
    const abort = new AbortController();
    api.users(abort.signal).then(setPeople, (error: unknown) => {
      if (!abort.signal.aborted) failed(error);
    });
    return () => {
      abort.abort();
    };
  }, [isAdmin, failed]);

  if (!isAdmin) {
    return (
      <Shell user={user}>
        <div className="page-head">
          <h1>{t('people.title')}</h1>
        </div>
        <p className="quiet">{t('people.forbidden')}</p>
      </Shell>
    );
  }

  const added = (person: User, invitation: Invitation | undefined) => {
    setPeople((before) => [...(before ?? []), person]);
    setLinked(invitation ? { name: person.name, link: invitation, reset: false } : null);
    setSaid('');
    setAdding(false);
  };
  const changed = (person: User) => {
    setPeople((before) => before?.map((one) => (one.id === person.id ? person : one)) ?? null);
  };
  const deleted = (person: User) => {
    setPeople((before) => before?.filter(({ id }) => id !== person.id) ?? null);
    setLinked(null);
    setSaid(t('people.deleted', { name: person.name }));
  };

  const wanted = plain(filter.trim());
  const shown = people?.filter(({ name, email }) => plain(`${name}\n${email}`).includes(wanted)) ?? [];
  const link = linked && (linked.reset ? asReset(linked.link.url) : linked.link.url);

  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>{t('people.title')}</h1>
        <button
          type="button"
          className="button button-main"
          data-testid="invite"
          onClick={() => {
            setAdding(true);
          }}
        >
          <Icon name="plus" />
          {t('people.add')}
        </button>
      </div>
      <FormError>{problem}</FormError>
      {linked && link ? (
        <Secret
          key={link}
          value={link}
          label={t('people.linkLabel')}
          copyLabel={t('people.copyLink')}
          testId="invitation"
        >
          <p>
            {rich(
              linked.reset ? 'people.resetLink' : 'people.invitation',
              { name: linked.name, until: fullTime(linked.link.expiresAt) },
              { name: <strong>{linked.name}</strong> },
            )}
          </p>
        </Secret>
      ) : null}
      <p className={said ? 'callout' : 'visually-hidden'} role="status">
        {said}
      </p>
      {people && people.length > many ? (
        <div className="search">
          <label htmlFor="people-filter" className="visually-hidden">
            {t('people.filter')}
          </label>
          <Icon name="search" />
          <input
            id="people-filter"
            type="search"
            placeholder={t('people.filter')}
            value={filter}
            onChange={(e) => {
              setFilter(e.target.value);
            }}
          />
        </div>
      ) : null}
      {people ? (
        shown.length > 0 ? (
          <ul className="rows" data-testid="people">
            {shown.map((person) => (
              <PersonRow
                key={person.id}
                person={person}
                self={user}
                heirs={people.filter(({ disabled }) => !disabled)}
                onChanged={changed}
                onReset={({ name }, made) => {
                  setLinked({ name, link: made, reset: true });
                  setSaid('');
                  window.scrollTo(0, 0);
                }}
                onDeleted={deleted}
              />
            ))}
          </ul>
        ) : (
          <p className="quiet">{t('people.noMatch', { query: filter.trim() })}</p>
        )
      ) : problem ? null : (
        <p className="quiet">{t('common.listing')}</p>
      )}
      {adding ? (
        <AddPerson
          onAdded={added}
          onClose={() => {
            setAdding(false);
          }}
        />
      ) : null}
    </Shell>
  );
}
