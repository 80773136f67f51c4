import type { Notice } from '../api/types';
import { sentenceOf } from './sentence';

/** The sentence of a notice, names emphasised. */
export function NoticeText({ notice }: { notice: Notice }) {
  return sentenceOf(notice).map(({ text, strong }, i) => (strong ? <strong key={i}>{text}</strong> : text));
}
