import { useCallback, useEffect, useState, type SubmitEvent } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { AccountRole, Invitation, User } from '../api/types';
import { useSession } from '../session';
import { Avatar } from '../ui/avatar';
import { Confirm } from '../ui/confirm';
import { Choice, Field, FormError } from '../ui/field';
import { Shell } from '../ui/shell';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import { shortestPassword } from './secretLink';

interface Invited {
  name: string;
  invitation: Invitation;
}

/** The link that a new person opens to choose a password. It is shown once: the server keeps only its hash. */
function InvitationLink({ name, invitation }: Invited) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(invitation.url);
      setCopied(true);
    } catch {
      // Without permission (or without TLS) the field is selected for copying by hand.
      const field = document.getElementById('invitation-url');
      if (field instanceof HTMLInputElement) field.select();
    }
  };
  return (
    <div className="callout" role="status" data-testid="invitation">
      <p>
        Send this link to <strong>{name}</strong>. It works once, until{' '}
        {new Date(invitation.expiresAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}, and is
        not shown again.
      </p>
      <div className="copy">
        <label htmlFor="invitation-url" className="visually-hidden">
          Invitation link
        </label>
        <input id="invitation-url" readOnly value={invitation.url} />
        <button type="button" className="button" onClick={copy}>
          {copied ? 'Copied' : 'Copy link'}
        </button>
      </div>
    </div>
  );
}

function AddPerson({ onAdded }: { onAdded: (user: User, invitation: Invitation | undefined) => void }) {
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<AccountRole>('member');
  const [way, setWay] = useState<'link' | 'password'>('link');
  const [password, setPassword] = useState('');
  const { busy, problem, run } = useTask();

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      const body = { name: name.trim(), email: email.trim(), role };
      const { invitation, ...user } = await api.addUser(way === 'password' ? { ...body, password } : body);
      setName('');
      setEmail('');
      setPassword('');
      setRole('member');
      onAdded(user, invitation);
    });
  };

  return (
    <form className="form form-wide" onSubmit={submit}>
      <h2>Add a person</h2>
      <div className="form-pair">
        <Field
          label="Name"
          autoComplete="off"
          required
          value={name}
          onChange={(e) => {
            setName(e.target.value);
          }}
        />
        <Field
          label="E-mail"
          type="email"
          autoComplete="off"
          required
          value={email}
          onChange={(e) => {
            setEmail(e.target.value);
          }}
        />
      </div>
      <div className="form-pair">
        <Choice
          label="Account"
          value={role}
          onChange={(e) => {
            setRole(e.target.value as AccountRole);
          }}
        >
          <option value="member">Member: writes documents</option>
          <option value="admin">Administrator: also adds people</option>
        </Choice>
        <Choice
          label="First log-in"
          value={way}
          onChange={(e) => {
            setWay(e.target.value as 'link' | 'password');
          }}
        >
          <option value="link">With an invitation link</option>
          <option value="password">With a password that I set</option>
        </Choice>
      </div>
      {way === 'password' ? (
        <Field
          label="Password"
          type="password"
          autoComplete="new-password"
          hint={`At least ${shortestPassword} characters.`}
          minLength={shortestPassword}
          required
          value={password}
          onChange={(e) => {
            setPassword(e.target.value);
          }}
        />
      ) : null}
      <FormError>{problem}</FormError>
      <div>
        <button type="submit" className="button button-main" disabled={busy}>
          {way === 'link' ? 'Create invitation' : 'Add person'}
        </button>
      </div>
    </form>
  );
}

/** One account, with the means to change what it may do. Nobody can lock themself out by mistake. */
function Person({ person, self, onChanged }: { person: User; self: boolean; onChanged: (person: User) => void }) {
  const [asking, setAsking] = useState(false);
  const { busy, problem, run } = useTask();
  const change = (what: { role?: AccountRole; disabled?: boolean }) =>
    run(async () => {
      onChanged(await api.changeUser(person.id, what));
    });
  const disable = async () => {
    if (await change({ disabled: true })) setAsking(false);
  };
  const role = person.role === 'admin' ? 'Administrator' : 'Member';
  return (
    <li className="row row-account" data-disabled={person.disabled} data-user={person.name}>
      <span className="row-main row-person">
        <Avatar id={person.id} name={person.name} />
        <span className="row-title">
          {person.name}
          {self ? <span className="quiet"> (you)</span> : null}
          {person.disabled ? <span className="tag">disabled</span> : null}
        </span>
        <span className="row-detail">{person.email}</span>
      </span>
      <span className="row-acts">
        {self || person.disabled ? (
          <span className="row-role quiet">{role}</span>
        ) : (
          <select
            aria-label={`Account of ${person.name}`}
            value={person.role}
            disabled={busy}
            onChange={(e) => {
              void change({ role: e.target.value as AccountRole });
            }}
          >
            <option value="member">Member</option>
            <option value="admin">Administrator</option>
          </select>
        )}
        {self ? null : person.disabled ? (
          <button
            type="button"
            className="button button-quiet button-small"
            disabled={busy}
            aria-label={`Enable ${person.name}`}
            onClick={() => change({ disabled: false })}
          >
            Enable
          </button>
        ) : (
          <button
            type="button"
            className="button button-quiet button-small"
            aria-label={`Disable ${person.name}`}
            onClick={() => {
              setAsking(true);
            }}
          >
            Disable
          </button>
        )}
      </span>
      {problem && !asking ? (
        <span className="row-problem" role="alert">
          {problem}
        </span>
      ) : null}
      {asking ? (
        <Confirm
          title={`Disable ${person.name}?`}
          action="Disable account"
          busy={busy}
          problem={problem}
          onConfirm={disable}
          onClose={() => {
            setAsking(false);
          }}
        >
          <p>
            {person.name} is logged out everywhere and can’t log in or edit until you enable the account again. What
            they have written stays.
          </p>
        </Confirm>
      ) : null}
    </li>
  );
}

export default function PeoplePage({ user }: { user: User }) {
  useTitle('People');
  const { leave } = useSession();
  const [people, setPeople] = useState<User[] | null>(null);
  const [problem, setProblem] = useState('');
  const [invited, setInvited] = useState<Invited | null>(null);
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
          <h1>People</h1>
        </div>
        <p className="quiet">Only administrators see and add accounts.</p>
      </Shell>
    );
  }

  const added = (person: User, invitation: Invitation | undefined) => {
    setPeople((before) => [...(before ?? []), person]);
    setInvited(invitation ? { name: person.name, invitation } : null);
  };

  const changed = (person: User) => {
    setPeople((before) => before?.map((one) => (one.id === person.id ? person : one)) ?? null);
  };

  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>People</h1>
      </div>
      <FormError>{problem}</FormError>
      {people ? (
        <ul className="rows" data-testid="people">
          {people.map((person) => (
            <Person key={person.id} person={person} self={person.id === user.id} onChanged={changed} />
          ))}
        </ul>
      ) : problem ? null : (
        <p className="quiet">Reading the list…</p>
      )}
      {invited ? <InvitationLink key={invited.invitation.url} {...invited} /> : null}
      <AddPerson onAdded={added} />
    </Shell>
  );
}
