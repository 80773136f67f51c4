import type { DocumentView } from '../api/types';
import { useText } from '../i18n';
import { Icon } from '../ui/icon';

/** Two carets in a page that is being written: what this is about, before there is anything. */
function Drawing() {
  return (
    <svg className="empty-drawing" viewBox="0 0 220 132" aria-hidden="true" focusable="false">
      <rect x="30.5" y="8.5" width="160" height="123" rx="8" className="drawing-page" />
      <path d="M48 32h62" className="drawing-title" />
      <path d="M48 54h120M48 70h92M48 86h74M48 110h104" className="drawing-line" />
      <path d="M144 62v16" className="drawing-first" />
      <rect x="144" y="50" width="34" height="13" rx="3" className="drawing-first-flag" />
      <path d="M156 102v16" className="drawing-second" />
      <rect x="156" y="90" width="26" height="13" rx="3" className="drawing-second-flag" />
    </svg>
  );
}

/** A list with nothing in it says what will be there, and how it gets there. */
export function EmptyList({ view, busy, onNew }: { view: DocumentView; busy: boolean; onNew: () => void }) {
  const t = useText();
  if (view === 'shared' || view === 'trash') {
    return (
      <section className="empty" data-testid="empty">
        <span className="empty-icon">
          <Icon name={view === 'trash' ? 'trash' : 'shared'} size={24} />
        </span>
        <h2>{view === 'trash' ? t('documents.emptyTrash') : t('documents.emptyShared')}</h2>
        <p>{view === 'trash' ? t('documents.emptyTrashText') : t('documents.emptySharedText')}</p>
      </section>
    );
  }
  return (
    <section className="empty" data-testid="empty">
      <Drawing />
      <h2>{t('documents.empty')}</h2>
      <p>{t('documents.emptyText')}</p>
      <button type="button" className="button button-main" onClick={onNew} disabled={busy}>
        <Icon name="plus" />
        {t('documents.new')}
      </button>
      <ul className="empty-hints">
        <li>{t('documents.hint1')}</li>
        <li>{t('documents.hint2')}</li>
        <li>{t('documents.hint3')}</li>
      </ul>
    </section>
  );
}
