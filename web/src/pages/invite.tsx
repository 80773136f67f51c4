import { useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import { Link, navigate } from '../router';
import { useSession } from '../session';
import { Entrance } from '../ui/entrance';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { shortestPassword, useLinkToken } from './secretLink';

export function InvitePage() {
  const token = useLinkToken();
  const { enter } = useSession();
  const [password, setPassword] = useState('');
  const [dead, setDead] = useState(!token);
  const { busy, problem, run } = useTask();

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      try {
        enter(await api.acceptInvitation({ token, password }));
        navigate('/', { replace: true });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'link_invalid') setDead(true);
        else throw error;
      }
    });
  };

  if (dead) {
    return (
      <Entrance
        title="This invitation can't be used"
        lead={
          <p>It was used already, has expired, or the link is incomplete. Ask whoever invited you for a new one.</p>
        }
      >
        <Link className="button" href="/login">
          I have a password
        </Link>
      </Entrance>
    );
  }
  return (
    <Entrance title="Welcome to BizSync" lead={<p>Choose a password, and you are in.</p>}>
      <form className="form" onSubmit={submit}>
        <Field
          label="Password"
          type="password"
          name="password"
          autoComplete="new-password"
          hint={`At least ${shortestPassword} characters.`}
          minLength={shortestPassword}
          required
          autoFocus
          value={password}
          onChange={(e) => {
            setPassword(e.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? 'Setting the password…' : 'Set password and log in'}
        </button>
      </form>
    </Entrance>
  );
}
