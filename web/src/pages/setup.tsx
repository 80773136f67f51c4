import { useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import { rich, useText } from '../i18n';
import { Link, navigate } from '../router';
import { useSession } from '../session';
import { Entrance } from '../ui/entrance';
import { Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { setupLinkEnd, shortestPassword, useSecretLink } from './secretLink';

export function SetupPage() {
  const t = useText();
  const { token } = useSecretLink();
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
          throw new Error(t('setup.expired'), { cause: error });
        }
        throw error;
      }
    });
  };

  if (done) {
    return (
      <Entrance title={t('setup.done')} lead={<p>{t('setup.doneLead')}</p>}>
        <Link className="button button-main" href="/login">
          {t('login.action')}
        </Link>
      </Entrance>
    );
  }
  if (!token) {
    return (
      <Entrance
        title={t('setup.title')}
        lead={<p>{rich('setup.noToken', { link: setupLinkEnd }, { link: <code>{setupLinkEnd}</code> })}</p>}
      >
        <Link className="button" href="/login">
          {t('setup.haveAccount')}
        </Link>
      </Entrance>
    );
  }
  return (
    <Entrance title={t('setup.title')} lead={<p>{t('setup.lead')}</p>}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('setup.name')}
          name="name"
          autoComplete="name"
          hint={t('setup.nameHint')}
          required
          autoFocus
          value={name}
          onChange={(e) => {
            setName(e.target.value);
          }}
        />
        <Field
          label={t('entrance.email')}
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
          label={t('entrance.password')}
          type="password"
          name="password"
          autoComplete="new-password"
          hint={t('entrance.passwordHint', { n: shortestPassword })}
          minLength={shortestPassword}
          required
          value={password}
          onChange={(e) => {
            setPassword(e.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <button type="submit" className="button button-main" disabled={busy}>
          {busy ? t('setup.busy') : t('setup.action')}
        </button>
      </form>
    </Entrance>
  );
}
