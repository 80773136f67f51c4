import type { editor as english } from '../en/editor';
import type { Translation } from '../format';

export const editor: Translation<typeof english> = {
  'editor.opening': '문서를 여는 중…',
};
