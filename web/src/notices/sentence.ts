import type { ReactNode } from 'react';
import type { Notice } from '../api/types';
import { rich, t } from '../i18n';

/** A sentence with a longer title than this is hard to read. */
const longestTitle = 60;

function titleOf({ document: { title } }: Notice): string {
  const letters = Array.from(title || t('common.untitled'));
  const short =
    letters.length > longestTitle
      ? `${letters
          .slice(0, longestTitle - 1)
          .join('')
          .trimEnd()}…`
      : letters.join('');
  return `“${short}”`;
}

const kinds = {
  'document.shared': 'shared',
  'document.role': 'role',
  'document.removed': 'removed',
  'document.deleted': 'deleted',
  'document.restored': 'restored',
} as const;

/** The text of a notice and what fills it. Who did it may be unknown: then the text tells what happened. */
function tell(notice: Notice) {
  const who = notice.actor?.name.trim() ?? '';
  const values = { who, title: titleOf(notice), role: t(`roleWord.${notice.role ?? 'viewer'}`) };
  // A newer server may know more kinds.
  const kind = (kinds as Partial<typeof kinds>)[notice.kind];
  const key = !kind
    ? ('notice.other' as const)
    : who
      ? (`notice.${kind}` as const)
      : (`notice.nobody.${kind}` as const);
  return { key, values };
}

/** Tells a notice as one person would tell another, names of people and documents as `name` makes them. */
export function sentenceOf(notice: Notice, name: (text: string) => ReactNode): ReactNode[] {
  const { key, values } = tell(notice);
  return rich(key, values, { who: name(values.who), title: name(values.title) });
}

export function textOf(notice: Notice): string {
  const { key, values } = tell(notice);
  return t(key, values);
}

/** Where a notice leads, or null when the person can't see the document any more. */
export function linkOf(notice: Notice): string | null {
  return notice.kind === 'document.removed' ? null : `/d/${encodeURIComponent(notice.document.id)}`;
}
