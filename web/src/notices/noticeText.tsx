import type { Notice } from '../api/types';
import { useText } from '../i18n';
import { sentenceOf } from './sentence';

/** The sentence of a notice, names emphasised. */
export function NoticeText({ notice }: { notice: Notice }) {
  useText();
  return sentenceOf(notice, (name) => <strong>{name}</strong>);
}
