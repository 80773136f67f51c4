import { useCallback, useEffect, useRef, useState, type SubmitEvent } from 'react';
import { api, reasonOf } from '../api/client';
import type { DocumentInfo, DocumentRole, Member, User } from '../api/types';
import { Avatar } from '../ui/avatar';
import { Choice, FormError } from '../ui/field';
import { useTask } from '../ui/useTask';

const grantable: { role: DocumentRole; label: string }[] = [
  { role: 'viewer', label: 'Can view' },
  { role: 'editor', label: 'Can edit' },
];

function RoleOptions() {
  return grantable.map(({ role, label }) => (
    <option key={role} value={role}>
      {label}
    </option>
  ));
}

interface Props {
  info: DocumentInfo;
  user: User;
  onClose: () => void;
}

/** Who may see and edit the document; for its owners. */
export function ShareDialog({ info, user, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [members, setMembers] = useState<Member[] | null>(null);
  const [accounts, setAccounts] = useState<User[]>([]);
  const [problem, setProblem] = useState('');
  const [chosen, setChosen] = useState('');
  const [role, setRole] = useState<DocumentRole>('editor');
  const task = useTask({ stay: true });
  const isAdmin = user.role === 'admin';

  const read = useCallback(
    (signal?: AbortSignal) =>
      // Only administrators may look accounts up.
      Promise.all([api.members(info.id, signal), isAdmin ? api.users(signal) : []]),
    [info.id, isAdmin],
  );
  const show = ([shared, everybody]: [Member[], User[]]) => {
    setMembers(shared);
    setAccounts(everybody);
  };

  useEffect(() => {
    dialog.current?.showModal();
    const abort = new AbortController();
    read(abort.signal).then(show, (error: unknown) => {
      if (!abort.signal.aborted) setProblem(reasonOf(error));
    });
    return () => {
      abort.abort();
    };
  }, [read]);

  const change = (work: () => Promise<unknown>) =>
    task.run(async () => {
      await work();
      show(await read());
    });

  const strangers = accounts.filter(
    (account) => !account.disabled && !members?.some((member) => member.user.id === account.id),
  );

  const add = (event: SubmitEvent) => {
    event.preventDefault();
    if (!chosen) return;
    void change(async () => {
      await api.setMember(info.id, chosen, role);
      setChosen('');
    });
  };

  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="share-title" onClose={onClose} data-testid="share-dialog">
      <div className="dialog-head">
        <h2 id="share-title">Share “{info.title || 'Untitled'}”</h2>
        <button type="button" className="button button-quiet" onClick={() => dialog.current?.close()}>
          Done
        </button>
      </div>

      {isAdmin ? (
        strangers.length > 0 ? (
          <form className="share-add" onSubmit={add}>
            <Choice
              label="Person"
              required
              value={chosen}
              onChange={(e) => {
                setChosen(e.target.value);
              }}
            >
              <option value="" disabled>
                Choose a person…
              </option>
              {strangers.map((account) => (
                <option key={account.id} value={account.id}>
                  {account.name} ({account.email})
                </option>
              ))}
            </Choice>
            <Choice
              label="Role"
              value={role}
              onChange={(e) => {
                setRole(e.target.value as DocumentRole);
              }}
            >
              <RoleOptions />
            </Choice>
            <button type="submit" className="button button-main" disabled={task.busy || !chosen}>
              Add
            </button>
          </form>
        ) : members ? (
          <p className="quiet">Everybody with an account has access. Add accounts under People.</p>
        ) : null
      ) : (
        <p className="quiet">
          Only administrators can look up accounts, so nobody new can be added here. You can change the roles of those
          who are in the document, and remove them.
        </p>
      )}

      <FormError>{task.problem || problem}</FormError>
      {members ? (
        <ul className="rows rows-dense" data-testid="members">
          {members.map((member) => (
            <li key={member.user.id} className="row">
              <span className="row-main row-person">
                <Avatar id={member.user.id} name={member.user.name} />
                <span className="row-title">
                  {member.user.name}
                  {member.user.id === user.id ? <span className="quiet"> (you)</span> : null}
                </span>
                <span className="row-detail">{member.user.email}</span>
              </span>
              {member.role === 'owner' ? (
                <span className="row-role quiet">Owner</span>
              ) : (
                <>
                  <select
                    aria-label={`Role of ${member.user.name}`}
                    value={member.role === 'commenter' ? 'viewer' : member.role}
                    disabled={task.busy}
                    onChange={(e) => {
                      void change(() => api.setMember(info.id, member.user.id, e.target.value as DocumentRole));
                    }}
                  >
                    <RoleOptions />
                  </select>
                  <button
                    type="button"
                    className="button button-quiet button-small"
                    aria-label={`Remove ${member.user.name}`}
                    disabled={task.busy}
                    onClick={() => change(() => api.removeMember(info.id, member.user.id))}
                  >
                    Remove
                  </button>
                </>
              )}
            </li>
          ))}
        </ul>
      ) : problem ? null : (
        <p className="quiet">Reading the list…</p>
      )}
    </dialog>
  );
}
