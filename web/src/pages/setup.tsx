import { useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import { Link, navigate } from '../router';
import { useSession } from '../session';
import { Entrance } from '../ui/entrance';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { shortestPassword, useLinkToken } from './secretLink';

export function SetupPage() {
  const token = useLinkToken();
  const { enter } = useSession();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [done, setDone] = useState(false);
  const { busy, problem, run } = useTask();

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      try {
        enter(await api.setUp({ token, name: name.trim(), email: email.trim(), password }));
        navigate('/', { replace: true });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'setup_done') {
          setDone(true);
          return;
        }
        if (error instanceof ApiError && error.code === 'link_invalid') {
          throw new Error('This link is no longer valid. Restart the server: it prints a new one.', { cause: error });
        }
        throw error;
      }
    });
  };

  if (done) {
    return (
      <Entrance title="Already set up" lead={<p>This server has its first account. Log in with it.</p>}>
        <Link className="button button-main" href="/login">
          Log in
        </Link>
      </Entrance>
    );
  }
  if (!token) {
    return (
      <Entrance
        title="Set up BizSync"
        lead={
          <p>
            This page needs the whole set-up link. The server printed it when it started; it ends in{' '}
            <code>/setup#token=…</code>
          </p>
        }
      >
        <Link className="button" href="/login">
          I have an account
        </Link>
      </Entrance>
    );
  }
  return (
    <Entrance
      title="Set up BizSync"
      lead={<p>Create the first account. It is the administrator's: it can add the others.</p>}
    >
      <form className="form" onSubmit={submit}>
        <Field
          label="Your name"
          name="name"
          autoComplete="name"
          hint="Others see it beside your caret."
          required
          autoFocus
          value={name}
          onChange={(e) => {
            setName(e.target.value);
          }}
        />
        <Field
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          required
          value={email}
          onChange={(e) => {
            setEmail(e.target.value);
          }}
        />
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="new-password"
          hint={`At least ${shortestPassword} characters.`}
          minLength={shortestPassword}
          required
          value={password}
          onChange={(e) => {
            setPassword(e.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? 'Creating the account…' : 'Create account'}
        </button>
      </form>
    </Entrance>
  );
}
