import type { User } from '../api/types';
import { useText } from '../i18n';
import { Link } from '../router';
import { Avatar } from './avatar';
import { Icon, type IconName } from './icon';
import { Popover } from './popover';
import { chooseTheme, themes, useTheme, type Theme } from './theme';

const faces: Record<Theme, IconName> = { system: 'screen', light: 'sun', dark: 'moon' };

/** Light, dark, or as the system has it. */
export function ThemeSwitch() {
  const t = useText();
  const theme = useTheme();
  return (
    <div className="segments" role="group" aria-label={t('theme.title')}>
      {themes.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={theme === name}
          onClick={() => {
            chooseTheme(name);
          }}
        >
          <Icon name={faces[name]} size={16} />
          {t(`theme.${name}`)}
        </button>
      ))}
    </div>
  );
}

/** Who one is, with the ways to one's settings and out. */
export function AccountMenu({ user, onLogOut }: { user: User; onLogOut: () => void }) {
  const t = useText();
  return (
    <Popover
      label={t('shell.accountMenu')}
      className="me"
      testId="me"
      triggerClass="me-button"
      triggerLabel={t('shell.account', { name: user.name })}
      trigger={<Avatar id={user.id} name={user.name} />}
    >
      {(close) => (
        <>
          <div className="me-who">
            <Avatar id={user.id} name={user.name} />
            <div>
              <p className="me-name">{user.name}</p>
              <p className="me-email">{user.email}</p>
            </div>
          </div>
          <div className="me-theme">
            <ThemeSwitch />
          </div>
          <ul className="me-links">
            <li>
              <Link href="/account" className="menu-item" onClick={close}>
                <Icon name="settings" />
                {t('shell.accountPage')}
              </Link>
            </li>
            <li>
              <Link href="/account/keys" className="menu-item" onClick={close}>
                <Icon name="key" />
                {t('shell.keysPage')}
              </Link>
            </li>
            <li>
              <a href="/docs" className="menu-item" target="_blank" rel="noreferrer">
                <Icon name="book" />
                {t('shell.docs')}
              </a>
            </li>
            <li className="me-out">
              <button type="button" className="menu-item" data-testid="logout" onClick={onLogOut}>
                <Icon name="leave" />
                {t('shell.logOut')}
              </button>
            </li>
          </ul>
        </>
      )}
    </Popover>
  );
}
