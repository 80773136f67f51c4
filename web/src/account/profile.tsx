import { useState, type SubmitEvent } from 'react';
import { ApiError, api } from '../api/client';
import type { User } from '../api/types';
import { chooseLanguage, languages, useLanguage, useText, type Language } from '../i18n';
import { shortestPassword } from '../pages/secretLink';
import { useSession } from '../session';
import { ThemeSwitch } from '../ui/accountMenu';
import { Choice, Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';
import { Section } from './section';

/** How others see one. */
export function Profile({ user }: { user: User }) {
  const t = useText();
  const { enter } = useSession();
  const [name, setName] = useState(user.name);
  const [saved, setSaved] = useState(false);
  const { busy, problem, run } = useTask();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setSaved(false);
    void run(async () => {
      const changed = await api.changeMe({ name: name.trim() });
      enter(changed);
      setName(changed.name);
      setSaved(true);
    });
  };
  return (
    <Section id="profile" title={t('account.profile')} text={t('account.profileText')}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('account.name')}
          hint={t('account.nameHint')}
          autoComplete="name"
          required
          maxLength={100}
          value={name}
          onChange={(e) => {
            setName(e.target.value);
            setSaved(false);
          }}
        />
        <Field label={t('account.email')} type="email" value={user.email} readOnly />
        <FormError>{problem}</FormError>
        <div>
          <button type="submit" className="button" disabled={busy || name.trim() === user.name || name.trim() === ''}>
            {saved ? t('common.saved') : t('account.saveName')}
          </button>
        </div>
      </form>
    </Section>
  );
}

/** A new password, for who knows the old one. */
export function Password({ user }: { user: User }) {
  const t = useText();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [done, setDone] = useState(false);
  const { busy, problem, run } = useTask();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setDone(false);
    void run(async () => {
      try {
        await api.changePassword({ current, new: next });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'invalid_credentials') {
          throw new Error(t('account.passwordWrong'), { cause: error });
        }
        throw error;
      }
      setCurrent('');
      setNext('');
      setDone(true);
    });
  };
  return (
    <Section id="password" title={t('account.passwordTitle')} text={t('account.passwordText')}>
      <form className="form" onSubmit={submit}>
        {/* Tells password managers whose password it is. */}
        <input type="hidden" name="username" autoComplete="username" value={user.email} readOnly />
        <Field
          label={t('account.current')}
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={(e) => {
            setCurrent(e.target.value);
          }}
        />
        <Field
          label={t('account.new')}
          type="password"
          autoComplete="new-password"
          hint={t('entrance.passwordHint', { n: shortestPassword })}
          minLength={shortestPassword}
          required
          value={next}
          onChange={(e) => {
            setNext(e.target.value);
          }}
        />
        <FormError>{problem}</FormError>
        <p className={done ? 'callout' : 'visually-hidden'} role="status">
          {done ? t('account.passwordChanged') : ''}
        </p>
        <div>
          <button type="submit" className="button" disabled={busy || current === '' || next === ''}>
            {t('account.changePassword')}
          </button>
        </div>
      </form>
    </Section>
  );
}

/** Light or dark, and in which language. */
export function Look() {
  const t = useText();
  const language = useLanguage();
  return (
    <Section id="look" title={t('account.look')} text={t('account.lookText')}>
      <div className="form">
        <div className="field">
          <span className="field-label">{t('account.theme')}</span>
          <ThemeSwitch />
        </div>
        <Choice
          label={t('account.language')}
          value={language}
          onChange={(e) => {
            void chooseLanguage(e.target.value as Language);
          }}
        >
          {languages.map(({ id, name }) => (
            <option key={id} value={id} lang={id}>
              {name}
            </option>
          ))}
        </Choice>
      </div>
    </Section>
  );
}
