import { useState, type SubmitEvent } from 'react';
import { api } from '../api/client';
import type { AccountRole, Invitation, User } from '../api/types';
import { useText } from '../i18n';
import { shortestPassword } from '../pages/secretLink';
import { Dialog, DialogCancel } from '../ui/dialog';
import { Choice, Field, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';

/** Makes an account: with a link at which the person chooses a password, or with one that the administrator sets. */
export function AddPerson({
  onAdded,
  onClose,
}: {
  onAdded: (user: User, invitation: Invitation | undefined) => void;
  onClose: () => void;
}) {
  const t = useText();
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
      onAdded(user, invitation);
    });
  };

  return (
    <Dialog title={t('people.add')} testId="add-person" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('people.name')}
          autoComplete="off"
          required
          autoFocus
          maxLength={100}
          value={name}
          onChange={(e) => {
            setName(e.target.value);
          }}
        />
        <Field
          label={t('people.email')}
          type="email"
          autoComplete="off"
          required
          value={email}
          onChange={(e) => {
            setEmail(e.target.value);
          }}
        />
        <Choice
          label={t('people.account')}
          value={role}
          onChange={(e) => {
            setRole(e.target.value as AccountRole);
          }}
        >
          <option value="member">{t('people.memberOption')}</option>
          <option value="admin">{t('people.adminOption')}</option>
        </Choice>
        <Choice
          label={t('people.firstLogin')}
          value={way}
          onChange={(e) => {
            setWay(e.target.value as 'link' | 'password');
          }}
        >
          <option value="link">{t('people.byLink')}</option>
          <option value="password">{t('people.byPassword')}</option>
        </Choice>
        {way === 'password' ? (
          <Field
            label={t('people.password')}
            type="password"
            autoComplete="new-password"
            hint={t('entrance.passwordHint', { n: shortestPassword })}
            minLength={shortestPassword}
            required
            value={password}
            onChange={(e) => {
              setPassword(e.target.value);
            }}
          />
        ) : null}
        <FormError>{problem}</FormError>
        <div className="confirm-actions">
          <DialogCancel />
          <button type="submit" className="button button-main" disabled={busy}>
            {way === 'link' ? t('people.createInvitation') : t('people.addPerson')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
