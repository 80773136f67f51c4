import { Devices } from '../account/devices';
import { Look, Password, Profile } from '../account/profile';
import { AccountTabs } from '../account/tabs';
import type { User } from '../api/types';
import { useText } from '../i18n';
import { Shell } from '../ui/shell';
import { useTitle } from '../ui/useTitle';
import '../styles/account.css';

/** One's name and password, how the application looks, and where one is logged in. */
export default function AccountPage({ user }: { user: User }) {
  const t = useText();
  useTitle(t('account.title'));
  return (
    <Shell user={user}>
      <div className="page-head">
        <h1>{t('account.title')}</h1>
      </div>
      <AccountTabs />
      <Profile user={user} />
      <Password user={user} />
      <Look />
      <Devices />
    </Shell>
  );
}
