import type { Notice } from '../api/types';

/** A piece of a sentence; names of people and documents are strong. */
export interface Part {
  text: string;
  strong: boolean;
}

const plain = (text: string): Part => ({ text, strong: false });
const strong = (text: string): Part => ({ text, strong: true });

/** A sentence with a longer title than this is hard to read. */
const longestTitle = 60;

function titleOf({ document: { title } }: Notice): string {
  const letters = Array.from(title || 'Untitled');
  return letters.length > longestTitle
    ? `${letters
        .slice(0, longestTitle - 1)
        .join('')
        .trimEnd()}…`
    : letters.join('');
}

/** The role as the sharing dialog names it; a commenter is a viewer until comments exist. */
function roleWord(role: Notice['role']): string {
  return role === 'commenter' ? 'viewer' : (role ?? 'viewer');
}

/** Tells a notice as one person would tell another. Who did it may be unknown: then it tells what happened. */
export function sentenceOf(notice: Notice): Part[] {
  const actor = notice.actor?.name.trim();
  const title = strong(`“${titleOf(notice)}”`);
  switch (notice.kind) {
    case 'document.shared':
      return actor
        ? [strong(actor), plain(' shared '), title, plain(` with you as ${roleWord(notice.role)}`)]
        : [title, plain(` was shared with you as ${roleWord(notice.role)}`)];
    case 'document.role':
      return actor
        ? [strong(actor), plain(' changed your role in '), title, plain(` to ${roleWord(notice.role)}`)]
        : [plain('Your role in '), title, plain(` is now ${roleWord(notice.role)}`)];
    case 'document.removed':
      return actor ? [strong(actor), plain(' removed you from '), title] : [plain('You were removed from '), title];
    case 'document.deleted':
      return actor
        ? [strong(actor), plain(' moved '), title, plain(' to the trash')]
        : [title, plain(' was moved to the trash')];
    case 'document.restored':
      return actor
        ? [strong(actor), plain(' brought '), title, plain(' back from the trash')]
        : [title, plain(' is back from the trash')];
    default:
      return [plain('Something changed in '), title];
  }
}

export function textOf(notice: Notice): string {
  return sentenceOf(notice)
    .map((part) => part.text)
    .join('');
}

/** Where a notice leads, or null when the person can't see the document any more. */
export function linkOf(notice: Notice): string | null {
  return notice.kind === 'document.removed' ? null : `/d/${encodeURIComponent(notice.document.id)}`;
}
