import { useText } from '../i18n';
import { Link } from '../router';
import { Notice } from '../ui/notice';

export function NotFoundPage() {
  const t = useText();
  return (
    <Notice title={t('notFound.title')}>
      <p>{t('notFound.text')}</p>
      <Link className="button" href="/">
        {t('common.toDocuments')}
      </Link>
    </Notice>
  );
}
