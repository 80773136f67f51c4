import type { share as english } from '../en/share';
import type { Translation } from '../format';

export const share: Translation<typeof english> = {
  'share.title': '“{title}” 공유',
  'share.person': '사용자',
  'share.search': '이름 또는 이메일로 추가',
  'share.role': '권한',
  'share.add': '추가',
  'share.canView': '보기 가능',
  'share.canEdit': '편집 가능',
  'share.found': { other: '{n}명을 찾았습니다' },
  'share.nobody': '이름이나 이메일이 일치하는 사람이 없습니다.',
  'share.everybody': '일치하는 사람은 모두 이미 접근할 수 있습니다.',
  'share.ask': '관리자가 사용자 페이지에서 초대할 수 있습니다.',
  'share.withAccess': '접근 권한이 있는 사람',
  'share.roleOf': '{name}님의 권한',
  'share.remove': '제외',
  'share.removeNamed': '{name}님 제외',
  'share.transfer': '소유자로 지정',
  'share.transferTitle': '{name}님을 소유자로 지정할까요?',
  'share.transferText':
    '{name}님이 “{title}” 문서의 소유자가 되어 삭제를 포함해 나와 같은 작업을 할 수 있습니다. 누군가 제외하기 전까지 나도 소유자로 남습니다.',
  'share.transferAction': '소유자로 지정',
  'share.copyLink': '링크 복사',
  'share.linkCopied': '링크 복사됨',
  'share.private': '위에 있는 사람만 이 링크를 열 수 있습니다.',
  'share.guest': '게스트',
};
