import { useCallback, useEffect, useState, type SubmitEvent } from 'react';
import { AccountTabs } from '../account/tabs';
import { ApiError, api, reasonOf } from '../api/client';
import type { ApiKey, ApiScope, NewApiKey, User } from '../api/types';
import { useText } from '../i18n';
import { useSession } from '../session';
import { Confirm } from '../ui/confirm';
import { Dialog, DialogCancel } from '../ui/dialog';
import { Choice, Field, FormError } from '../ui/field';
import { Icon } from '../ui/icon';
import { Secret } from '../ui/secret';
import { Shell } from '../ui/shell';
import { useNow } from '../ui/useNow';
import { useTask } from '../ui/useTask';
import { useTitle } from '../ui/useTitle';
import { fullTime, when } from '../ui/when';
import '../styles/account.css';

const scopes: readonly ApiScope[] = ['documents:read', 'documents:write', 'tokens', 'admin'];
const lives = ['30', '90', '365', 'never'] as const;
type Life = (typeof lives)[number];

function expiryOf(life: Life): { expiresAt?: string } {
  return life === 'never' ? {} : { expiresAt: new Date(Date.now() + Number(life) * 86_400_000).toISOString() };
}

function NewKey({ user, onMade, onClose }: { user: User; onMade: (key: NewApiKey) => void; onClose: () => void }) {
  const t = useText();
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly ApiScope[]>(['documents:read']);
  const [life, setLife] = useState<Life>('90');
  const { busy, problem, run } = useTask();
  const offered = user.role === 'admin' ? scopes : scopes.filter((scope) => scope !== 'admin');

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void run(async () => {
      if (chosen.length === 0) throw new Error(t('keys.none'));
      onMade(await api.createKey({ name: name.trim(), scopes: [...chosen], ...expiryOf(life) }));
    });
  };

  return (
    <Dialog title={t('keys.create')} testId="new-key" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <Field
          label={t('keys.name')}
          hint={t('keys.nameHint')}
          required
          maxLength={100}
          autoComplete="off"
          autoFocus
          value={name}
          onChange={(e) => {
            setName(e.target.value);
          }}
        />
        <fieldset className="checks">
          <legend>{t('keys.scopes')}</legend>
          {offered.map((scope) => (
            <label key={scope} className="check">
              <input
                type="checkbox"
                checked={chosen.includes(scope)}
                onChange={(e) => {
                  setChosen(e.target.checked ? [...chosen, scope] : chosen.filter((one) => one !== scope));
                }}
              />
              <span>
                <span className="check-name">{t(`keys.scope.${scope}`)}</span>
                <span className="hint">{t(`keys.scopeText.${scope}`)}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <Choice
          label={t('keys.expiry')}
          value={life}
          onChange={(e) => {
            setLife(e.target.value as Life);
          }}
        >
          {lives.map((one) => (
            <option key={one} value={one}>
              {t(`keys.expiry.${one}`)}
            </option>
          ))}
        </Choice>
        <FormError>{problem}</FormError>
        <div className="confirm-actions">
          <DialogCancel />
          <button type="submit" className="button button-main" disabled={busy}>
            {t('keys.action')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function KeyRow({ apiKey, now, onDelete }: { apiKey: ApiKey; now: number; onDelete: (key: ApiKey) => void }) {
  const t = useText();
  const { name, createdAt, lastUsed, expiresAt } = apiKey;
  const expired = expiresAt !== undefined && Date.parse(expiresAt) < now;
  return (
    <li className="row key-row" data-key={name}>
      <span className="key-icon">
        <Icon name="key" />
      </span>
      <span className="device-main">
        <span className="row-title">{name}</span>
        <span className="key-scopes">
          {apiKey.scopes.map((scope) => (
            <span key={scope} className="chip">
              {t(`keys.scope.${scope}`)}
            </span>
          ))}
        </span>
        <span className="device-facts">
          <span title={fullTime(createdAt)}>{t('keys.created', { when: when(createdAt, now) })}</span>
          <span title={lastUsed ? fullTime(lastUsed) : undefined}>
            {lastUsed ? t('keys.used', { when: when(lastUsed, now) }) : t('keys.unused')}
          </span>
          <span className={expired ? 'bad' : undefined}>
            {expiresAt === undefined
              ? t('keys.never')
              : expired
                ? t('keys.expired')
                : t('keys.expires', { when: fullTime(expiresAt) })}
          </span>
        </span>
      </span>
      <button
        type="button"
        className="button button-quiet button-small"
        aria-label={t('keys.deleteNamed', { name })}
        onClick={() => {
          onDelete(apiKey);
        }}
      >
        {t('keys.delete')}
      </button>
    </li>
  );
}

/** What programs may use in one's name. */
export default function KeysPage({ user }: { user: User }) {
  const t = useText();
  useTitle(t('keys.title'));
  const { leave } = useSession();
  const [keys, setKeys] = useState<ApiKey[] | null>(null);
  const [problem, setProblem] = useState('');
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<NewApiKey | null>(null);
  const [deleting, setDeleting] = useState<ApiKey | null>(null);
  const task = useTask();
  const now = useNow(30_000);

  const failed = useCallback(
    (error: unknown) => {
      if (error instanceof ApiError && error.status === 401) leave();
      else setProblem(reasonOf(error));
    },
    [leave],
  );

  useEffect(() => {
    const abort = new AbortController();
    api.keys(abort.signal).then(setKeys, (error: unknown) => {
      if (!abort.signal.aborted) failed(error);
    });
    return () => {
      abort.abort();
    };
  }, [failed]);

  const remove = async (key: ApiKey) => {
    const done = await task.run(async () => {
      try {
        await api.deleteKey(key.id);
      } catch (error) {
        // It was deleted elsewhere.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
      setKeys((before) => before?.filter(({ id }) => id !== key.id) ?? null);
    });
    if (!done) return;
    setDeleting(null);
    if (made?.id === key.id) setMade(null);
  };

  const create = () => {
    setMaking(true);
  };

  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>{t('account.title')}</h1>
      </div>
      <AccountTabs />
      <div className="section-head">
        <div>
          <h2>{t('keys.title')}</h2>
          <p className="quiet">
            {t('keys.lead')}{' '}
            <a href="/docs" target="_blank" rel="noreferrer">
              {t('keys.reference')}
            </a>
          </p>
        </div>
        <button type="button" className="button button-main" data-testid="create-key" onClick={create}>
          <Icon name="plus" />
          {t('keys.create')}
        </button>
      </div>
      <FormError>{problem}</FormError>
      {made ? (
        <Secret key={made.id} value={made.key} label={t('keys.title')} copyLabel={t('keys.copy')} testId="made-key">
          <p>
            <strong>{t('keys.made', { name: made.name })}</strong>
          </p>
          <p>{t('keys.madeText')}</p>
        </Secret>
      ) : null}
      {keys === null && !problem ? <p className="quiet">{t('common.listing')}</p> : null}
      {keys?.length === 0 ? (
        <section className="empty empty-framed" data-testid="no-keys">
          <span className="empty-icon">
            <Icon name="key" size={24} />
          </span>
          <h3>{t('keys.empty')}</h3>
          <p>{t('keys.emptyText')}</p>
        </section>
      ) : null}
      {keys && keys.length > 0 ? (
        <ul className="rows" data-testid="keys">
          {keys.map((key) => (
            <KeyRow key={key.id} apiKey={key} now={now} onDelete={setDeleting} />
          ))}
        </ul>
      ) : null}
      {making ? (
        <NewKey
          user={user}
          onMade={(key) => {
            setKeys((before) => [key, ...(before ?? [])]);
            setMade(key);
            setMaking(false);
          }}
          onClose={() => {
            setMaking(false);
          }}
        />
      ) : null}
      {deleting ? (
        <Confirm
          title={t('keys.deleteTitle', { name: deleting.name })}
          action={t('keys.deleteAction')}
          busy={task.busy}
          problem={task.problem}
          onConfirm={() => remove(deleting)}
          onClose={() => {
            setDeleting(null);
          }}
        >
          <p>{t('keys.deleteText')}</p>
        </Confirm>
      ) : null}
    </Shell>
  );
}
