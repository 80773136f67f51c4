import { useCallback, useEffect, useLayoutEffect, useRef, useState, type SubmitEvent } from 'react';
import { ApiError, api, reasonOf } from '../api/client';
import type { DocumentInfo, DocumentRole, Member, Person, User } from '../api/types';
import { useText } from '../i18n';
import { PersonPicker } from '../share/personPicker';
import { Avatar } from '../ui/avatar';
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

/** The role that is shown: a commenter is a viewer until comments exist. */
function shown(role: DocumentRole): DocumentRole {
  return role === 'commenter' ? 'viewer' : role;
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
        <span role="status">{copied ? t('share.linkCopied') : t('share.copyLink')}</span>
      </button>
    </div>
  );
}

/** Who may see and edit the document; for its owners. */
export function ShareDialog({ info, user, onClose }: Props) {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  const [members, setMembers] = useState<Member[] | null>(null);
  const [problem, setProblem] = useState('');
  const [chosen, setChosen] = useState<Person | null>(null);
  const [role, setRole] = useState<DocumentRole>('editor');
  const [heir, setHeir] = useState<Member | null>(null);
  const task = useTask({ stay: true });
  const title = info.title || t('common.untitled');

  const read = useCallback((signal?: AbortSignal) => api.members(info.id, signal), [info.id]);

  useLayoutEffect(() => {
    const open = dialog.current;
    open?.showModal();
    open?.querySelector<HTMLElement>('[role=combobox]')?.focus();
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

  const isMember = (id: string) => members?.some((member) => member.user.id === id) ?? false;

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
        <h2 id="share-title">{t('share.title', { title })}</h2>
        <button type="button" className="button button-quiet" onClick={() => dialog.current?.close()}>
          {t('common.done')}
        </button>
      </div>

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

      <FormError>{heir ? '' : task.problem || problem}</FormError>
      {members ? (
        <>
          <h3 className="share-sub">{t('share.withAccess')}</h3>
          <ul className="share-members" data-testid="members">
            {members.map((member) => (
              <li key={member.user.id} className="share-member">
                <Avatar id={member.user.id} name={member.user.name} />
                <span className="person-who">
                  <span className="row-title">
                    {member.user.name}
                    {member.user.id === user.id ? <span className="quiet"> {t('common.you')}</span> : null}
                  </span>
                  <span className="row-detail">{member.user.email ?? t('share.guest')}</span>
                </span>
                {member.user.id === user.id ? (
                  <span className="share-own quiet">{t('role.owner')}</span>
                ) : (
                  <>
                    <select
                      aria-label={t('share.roleOf', { name: member.user.name })}
                      value={shown(member.role)}
                      disabled={task.busy}
                      onChange={(e) => {
                        const next = e.target.value as DocumentRole;
                        if (next === 'owner') setHeir(member);
                        else void change(() => api.setMember(info.id, member.user.id, next));
                      }}
                    >
                      <option value="viewer">{t('share.canView')}</option>
                      <option value="editor">{t('share.canEdit')}</option>
                      <option value="owner">{t('role.owner')}</option>
                    </select>
                    <button
                      type="button"
                      className="icon-button icon-button-small"
                      aria-label={t('share.removeNamed', { name: member.user.name })}
                      title={t('share.remove')}
                      disabled={task.busy}
                      onClick={() => change(() => api.removeMember(info.id, member.user.id))}
                    >
                      <Icon name="close" size={16} />
                    </button>
                  </>
                )}
              </li>
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
    </dialog>
  );
}
