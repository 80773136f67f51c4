import { useCallback, useEffect, useLayoutEffect, useRef, useState, type SubmitEvent } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { DocumentInfo, DocumentRole, Member, Person, User } from '../api/types';
import { useText } from '../i18n';
import { navigate } from '../router';
import { MemberRow, type MemberActs } from '../share/memberRow';
import { PersonPicker } from '../share/personPicker';
import { Confirm } from '../ui/confirm';
import { FormError } from '../ui/field';
import { Icon } from '../ui/icon';
import { useTask } from '../ui/useTask';
import '../styles/share.css';

interface Props {
  info: DocumentInfo;
  user: User;
  onClose: () => void;
}

function CopyLink({ id }: { id: string }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const [byHand, setByHand] = useState(false);
  const link = `${window.location.origin}/d/${id}`;
  useEffect(() => {
    if (!copied) return;
    const timer = window.setTimeout(() => {
      setCopied(false);
    }, 2500);
    return () => {
      window.clearTimeout(timer);
    };
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      setCopied(true);
    } catch {
      // Without permission, or without TLS.
      setByHand(true);
    }
  };
  return (
    <div className="share-foot">
      {byHand ? (
        <input className="share-link" aria-label={t('share.copyLink')} readOnly value={link} autoFocus />
      ) : (
        <span className="share-private">{t('share.private')}</span>
      )}
      <button type="button" className="button" onClick={copy} data-testid="copy-link">
        <Icon name={copied ? 'check' : 'link'} />
        {copied ? t('share.linkCopied') : t('share.copyLink')}
      </button>
      <span className="visually-hidden" role="status">
        {copied ? t('share.linkCopied') : ''}
      </span>
    </div>
  );
}

/** Who may see and edit the document. Its owners change that; everybody else may leave. */
export function ShareDialog({ info, user, onClose }: Props) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [members, setMembers] = useState<Member[] | null>(null);
  const [problem, setProblem] = useState('');
  const [chosen, setChosen] = useState<Person | null>(null);
  const [role, setRole] = useState<DocumentRole>('editor');
  const [heir, setHeir] = useState<Member | null>(null);
  const [leaving, setLeaving] = useState(false);
  const task = useTask({ stay: true });
  const title = info.title || t('common.untitled');
  const owner = info.role === 'owner';

  const read = useCallback((signal?: AbortSignal) => api.members(info.id, signal), [info.id]);

  useLayoutEffect(() => {
    const open = dialog.current;
    open?.showModal();
    (open?.querySelector<HTMLElement>('[role=combobox]') ?? open?.querySelector('h2'))?.focus();
    return () => {
      open?.close();
    };
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    read(abort.signal).then(setMembers, (error: unknown) => {
      if (!abort.signal.aborted) setProblem(reasonOf(error));
    });
    return () => {
      abort.abort();
    };
  }, [read]);

  const change = (work: () => Promise<unknown>) =>
    task.run(async () => {
      try {
        await work();
      } catch (error) {
        // What is shown may be wrong now: somebody else was quicker.
        if (error instanceof ApiError) setMembers(await read());
        throw error;
      }
      setMembers(await read());
    });

  const add = (event: SubmitEvent) => {
    event.preventDefault();
    if (!chosen) return;
    void change(async () => {
      await api.setMember(info.id, chosen.id, role);
      setChosen(null);
    });
  };

  const transfer = async (member: Member) => {
    if (await change(() => api.transferDocument(info.id, member.user.id))) setHeir(null);
  };

  const leave = () =>
    task.run(async () => {
      await api.removeMember(info.id, user.id);
      navigate('/', { replace: true });
    });

  const isMember = (id: string) => members?.some((member) => member.user.id === id) ?? false;
  const owners = members?.filter((member) => member.role === 'owner').length ?? 0;

  const actsOn = (member: Member): MemberActs => {
    const { id } = member.user;
    const leaves = {
      onLeave: () => {
        setLeaving(true);
      },
    };
    // Somebody has to own it.
    if (id === user.id) return member.role !== 'owner' || owners > 1 ? leaves : {};
    if (!owner) return {};
    return {
      onRole: (next) => {
        if (next === 'owner') setHeir(member);
        else void change(() => api.setMember(info.id, id, next));
      },
      onRemove: () => void change(() => api.removeMember(info.id, id)),
    };
  };

  return (
    <dialog
      ref={dialog}
      className="dialog share"
      aria-labelledby="share-title"
      data-testid="share-dialog"
      onClose={(event) => {
        if (event.target === dialog.current && !dialog.current.open) onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id="share-title" tabIndex={-1}>
          {owner ? t('share.title', { title }) : t('share.titleRead', { title })}
        </h2>
        <button type="button" className="button button-quiet" onClick={() => dialog.current?.close()}>
          {t('common.done')}
        </button>
      </div>

      {owner ? (
        <form className="share-add" onSubmit={add}>
          <PersonPicker chosen={chosen} onChoose={setChosen} hasAccess={isMember} />
          <select
            aria-label={t('share.role')}
            value={role}
            onChange={(e) => {
              setRole(e.target.value as DocumentRole);
            }}
          >
            <option value="viewer">{t('share.canView')}</option>
            <option value="editor">{t('share.canEdit')}</option>
          </select>
          <button type="submit" className="button button-main" disabled={task.busy || !chosen}>
            {t('share.add')}
          </button>
        </form>
      ) : null}

      <FormError>{heir || leaving ? '' : task.problem || problem}</FormError>
      {members ? (
        <>
          <h3 className="share-sub">{t('share.withAccess')}</h3>
          <ul className="share-members" data-testid="members">
            {members.map((member) => (
              <MemberRow
                key={member.user.id}
                member={member}
                self={member.user.id === user.id}
                busy={task.busy}
                {...actsOn(member)}
              />
            ))}
          </ul>
        </>
      ) : problem ? null : (
        <p className="quiet">{t('common.listing')}</p>
      )}
      <CopyLink id={info.id} />
      {heir ? (
        <Confirm
          title={t('share.transferTitle', { name: heir.user.name })}
          action={t('share.transferAction')}
          busy={task.busy}
          problem={task.problem}
          onConfirm={() => transfer(heir)}
          onClose={() => {
            setHeir(null);
          }}
        >
          <p>{t('share.transferText', { name: heir.user.name, title })}</p>
        </Confirm>
      ) : null}
      {leaving ? (
        <Confirm
          title={t('share.leaveTitle', { title })}
          action={t('share.leaveAction')}
          busy={task.busy}
          problem={task.problem}
          onConfirm={leave}
          onClose={() => {
            setLeaving(false);
          }}
        >
          <p>{t('share.leaveText')}</p>
        </Confirm>
      ) : null}
    </dialog>
  );
}
