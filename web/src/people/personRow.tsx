import { useState } from 'react';
import { api } from '../api/client';
import type { AccountRole, Invitation, User } from '../api/types';
import { useText } from '../i18n';
import { Avatar } from '../ui/avatar';
import { Confirm } from '../ui/confirm';
import { Choice } from '../ui/field';
import { Icon } from '../ui/icon';
import { Menu, type MenuItem } from '../ui/menu';
import { useTask } from '../ui/useTask';

interface Props {
  person: User;
  self: User;
  /** Those who may inherit documents. */
  heirs: readonly User[];
  onChanged: (person: User) => void;
  onReset: (person: User, link: Invitation) => void;
  onDeleted: (person: User) => void;
}

/** One account, with the means to change what it may do. Nobody can lock themself out by mistake. */
export function PersonRow({ person, self, heirs, onChanged, onReset, onDeleted }: Props) {
  const t = useText();
  const { name } = person;
  const isSelf = person.id === self.id;
  const [asking, setAsking] = useState<'disable' | 'delete' | null>(null);
  const [heir, setHeir] = useState(self.id);
  const { busy, problem, run } = useTask();

  const change = (what: { role?: AccountRole; disabled?: boolean }) =>
    run(async () => {
      onChanged(await api.changeUser(person.id, what));
    });
  const disable = async () => {
    if (await change({ disabled: true })) setAsking(null);
  };
  const reset = () =>
    run(async () => {
      onReset(person, await api.resetPassword(person.id));
    });
  const remove = () =>
    run(async () => {
      await api.deleteUser(person.id, heir);
      onDeleted(person);
    });

  const items: (MenuItem | null)[] = [
    person.disabled
      ? {
          label: t('people.enable'),
          icon: 'check',
          onChoose: () => void change({ disabled: false }),
        }
      : {
          label: t('people.reset'),
          icon: 'key',
          onChoose: () => void reset(),
        },
    null,
    {
      label: t('people.delete'),
      icon: 'trash',
      danger: true,
      onChoose: () => {
        setAsking('delete');
      },
    },
  ];

  return (
    <li className="row person" data-disabled={person.disabled} data-user={name}>
      <Avatar id={person.id} name={name} />
      <span className="person-who">
        <span className="row-title">
          {name}
          {isSelf ? <span className="quiet"> {t('common.you')}</span> : null}
          {person.disabled ? <span className="tag">{t('people.disabled')}</span> : null}
        </span>
        <span className="row-detail">{person.email}</span>
      </span>
      <span className="row-acts">
        {isSelf || person.disabled ? (
          <span className="row-role quiet">{t(`account.${person.role}`)}</span>
        ) : (
          <select
            aria-label={t('people.accountOf', { name })}
            value={person.role}
            disabled={busy}
            onChange={(e) => {
              void change({ role: e.target.value as AccountRole });
            }}
          >
            <option value="member">{t('account.member')}</option>
            <option value="admin">{t('account.admin')}</option>
          </select>
        )}
        {isSelf ? null : (
          <>
            <button
              type="button"
              className="button button-quiet button-small"
              disabled={busy}
              aria-label={person.disabled ? t('people.enableNamed', { name }) : t('people.disableNamed', { name })}
              onClick={() => {
                if (person.disabled) void change({ disabled: false });
                else setAsking('disable');
              }}
            >
              {person.disabled ? t('people.enable') : t('people.disable')}
            </button>
            <Menu
              label={t('people.actions', { name })}
              triggerClass="icon-button icon-button-small"
              trigger={<Icon name="more" />}
              items={person.disabled ? items.slice(2) : items}
            />
          </>
        )}
      </span>
      {problem && !asking ? (
        <span className="row-problem" role="alert">
          {problem}
        </span>
      ) : null}
      {asking === 'disable' ? (
        <Confirm
          title={t('people.disableTitle', { name })}
          action={t('people.disableAction')}
          busy={busy}
          problem={problem}
          onConfirm={disable}
          onClose={() => {
            setAsking(null);
          }}
        >
          <p>{t('people.disableText', { name })}</p>
        </Confirm>
      ) : null}
      {asking === 'delete' ? (
        <Confirm
          title={t('people.deleteTitle', { name })}
          action={t('people.deleteAction')}
          busy={busy}
          problem={problem}
          onConfirm={remove}
          onClose={() => {
            setAsking(null);
          }}
          more={
            <Choice
              label={t('people.heir')}
              value={heir}
              onChange={(e) => {
                setHeir(e.target.value);
              }}
            >
              {heirs
                .filter(({ id }) => id !== person.id)
                .map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name} ({one.email})
                  </option>
                ))}
            </Choice>
          }
        >
          <p>{t('people.deleteText', { name })}</p>
        </Confirm>
      ) : null}
    </li>
  );
}
