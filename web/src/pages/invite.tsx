import { useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import { useText } from '../i18n';
import { Link, navigate } from '../router';
import { useSession } from '../session';
import { Entrance } from '../ui/entrance';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { shortestPassword, useSecretLink } from './secretLink';

/** Where a one-time link leads at which one chooses a password: the first one, or a new one. */
export function InvitePage() {
  const t = useText();
  const { token, reset } = useSecretLink();
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
        title={reset ? t('reset.dead') : t('invite.dead')}
        lead={<p>{reset ? t('reset.deadLead') : t('invite.deadLead')}</p>}
      >
        <Link className="button" href="/login">
          {t('invite.havePassword')}
        </Link>
      </Entrance>
    );
  }
  return (
    <Entrance
      title={reset ? t('reset.title') : t('invite.title')}
      lead={<p>{reset ? t('reset.lead') : t('invite.lead')}</p>}
    >
      <form className="form" onSubmit={submit}>
        <Field
          label={reset ? t('entrance.newPassword') : t('entrance.password')}
          type="password"
          name="password"
          autoComplete="new-password"
          hint={t('entrance.passwordHint', { n: shortestPassword })}
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
          {busy ? t('invite.busy') : t('invite.action')}
        </button>
      </form>
    </Entrance>
  );
}
