import type { DocumentRole, Member } from '../api/types';
import { useText } from '../i18n';
import { Avatar } from '../ui/avatar';
import { Icon } from '../ui/icon';

/** What may be done about a member; what is left out may not. */
export interface MemberActs {
  onRole?: (role: DocumentRole) => void;
  onRemove?: () => void;
  onLeave?: () => void;
}

/** The role that is shown: a commenter is a viewer until comments exist. */
function shown(role: DocumentRole): DocumentRole {
  return role === 'commenter' ? 'viewer' : role;
}

/** One person with access, and what may be changed of it. */
export function MemberRow({
  member,
  self,
  busy,
  onRole,
  onRemove,
  onLeave,
}: { member: Member; self: boolean; busy: boolean } & MemberActs) {
  const t = useText();
  const { id, name, email, guest } = member.user;
  return (
    <li className="share-member" data-user={name}>
      <Avatar id={id} name={name} />
      <span className="person-who">
        <span className="row-title">
          {name}
          {self ? <span className="quiet"> {t('common.you')}</span> : null}
        </span>
        <span className="row-detail" title={email}>
          {guest ? t('share.guest') : email}
        </span>
      </span>
      {onRole ? (
        <select
          aria-label={t('share.roleOf', { name })}
          value={shown(member.role)}
          disabled={busy}
          onChange={(event) => {
            onRole(event.target.value as DocumentRole);
          }}
        >
          <option value="viewer">{t('share.canView')}</option>
          <option value="editor">{t('share.canEdit')}</option>
          {/* People of other systems can't be owners. */}
          {guest ? null : <option value="owner">{t('role.owner')}</option>}
        </select>
      ) : (
        <span className="share-own quiet">{t(`role.${member.role}`)}</span>
      )}
      {onRemove ? (
        <button
          type="button"
          className="icon-button icon-button-small"
          aria-label={t('share.removeNamed', { name })}
          title={t('share.remove')}
          disabled={busy}
          onClick={onRemove}
        >
          <Icon name="close" size={16} />
        </button>
      ) : onLeave ? (
        <button
          type="button"
          className="button button-quiet button-small share-leave"
          aria-label={t('share.leave')}
          data-testid="leave"
          disabled={busy}
          onClick={onLeave}
        >
          {t('share.leaveAction')}
        </button>
      ) : (
        <span className="share-nothing" />
      )}
    </li>
  );
}
