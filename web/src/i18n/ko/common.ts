import type { common as english } from '../en/common';
import type { Translation } from '../format';

export const common: Translation<typeof english> = {
  'common.untitled': '제목 없음',
  'common.cancel': '취소',
  'common.close': '닫기',
  'common.tryAgain': '다시 시도',
  'common.loading': '불러오는 중…',
  'role.owner': '소유자',
  'role.editor': '편집 가능',
  'role.commenter': '보기 전용',
  'role.viewer': '보기 전용',
  'count.people': { other: '{n}명' },
};
