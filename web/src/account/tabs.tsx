import { useText } from '../i18n';
import { Link, usePath } from '../router';

/** The pages of the account settings. */
export function AccountTabs() {
  const t = useText();
  const path = usePath();
  return (
    <nav className="tabs" aria-label={t('account.sections')}>
      <Link href="/account" aria-current={path === '/account' ? 'page' : undefined}>
        {t('account.tab')}
      </Link>
      <Link href="/account/keys" aria-current={path === '/account/keys' ? 'page' : undefined}>
        {t('account.keysTab')}
      </Link>
    </nav>
  );
}
