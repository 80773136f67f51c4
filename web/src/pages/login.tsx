import { useEffect, useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import { rich, useText } from '../i18n';
import { navigate, nextAfterLogin } from '../router';
import { useSession } from '../session';
import { Entrance } from '../ui/entrance';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { setupLinkEnd } from './secretLink';

export function LoginPage() {
  const t = useText();
  const { session, enter } = useSession();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [unset, setUnset] = useState(false);
  const { busy, problem, run } = useTask();

  // Somebody who is logged in already has nothing to do here.
  useEffect(() => {
    if (session.status === 'user') navigate(nextAfterLogin(window.location.search), { replace: true });
  }, [session.status]);

  useEffect(() => {
    const abort = new AbortController();
    api.setupNeeded(abort.signal).then(
      ({ needed }) => {
        setUnset(needed);
      },
      () => {
        // Only a hint hangs on the answer; logging in says itself what is wrong.
      },
    );
    return () => {
      abort.abort();
    };
  }, []);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      try {
        enter(await api.logIn({ email: email.trim(), password }));
      } catch (error) {
        setPassword('');
        if (error instanceof ApiError && error.code === 'invalid_credentials') {
          throw new Error(t('login.wrong'), { cause: error });
        }
        throw error;
      }
    });
  };

  return (
    <Entrance title={t('login.title')} foot={unset ? null : t('login.forgot')}>
      {unset ? (
        <p className="callout">{rich('login.unset', { link: setupLinkEnd }, { link: <code>{setupLinkEnd}</code> })}</p>
      ) : null}
      <form className="form" onSubmit={submit}>
        <Field
          label={t('entrance.email')}
          type="email"
          name="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(e) => {
            setEmail(e.target.value);
          }}
        />
        <Field
          label={t('entrance.password')}
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(e) => {
            setPassword(e.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? t('login.busy') : t('login.action')}
        </button>
      </form>
    </Entrance>
  );
}
