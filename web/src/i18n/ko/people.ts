import type { people as english } from '../en/people';
import type { Translation } from '../format';

export const people: Translation<typeof english> = {
  'people.title': '사용자',
  'people.add': '사용자 초대',
  'people.forbidden': '관리자만 계정을 보고 추가할 수 있습니다.',
  'people.filter': '이름 또는 이메일로 찾기',
  'people.noMatch': '이름이나 이메일에 “{query}”{query|이/가} 들어간 사용자가 없습니다.',
  'people.invitation':
    '이 링크를 {name}님에게 보내 주세요. {until}까지 한 번만 사용할 수 있으며 다시 표시되지 않습니다.',
  'people.resetLink':
    '{name}님이 새 비밀번호를 설정하도록 이 링크를 보내 주세요. {until}까지 한 번만 사용할 수 있으며 다시 표시되지 않습니다.',
  'people.linkLabel': '초대 링크',
  'people.copyLink': '링크 복사',
  'people.name': '이름',
  'people.email': '이메일',
  'people.account': '계정 유형',
  'people.memberOption': '멤버: 문서를 작성',
  'people.adminOption': '관리자: 사용자도 관리',
  'people.firstLogin': '첫 로그인 방법',
  'people.byLink': '초대 링크로',
  'people.byPassword': '내가 정한 비밀번호로',
  'people.password': '비밀번호',
  'people.createInvitation': '초대 링크 만들기',
  'people.addPerson': '사용자 추가',
  'people.disabled': '비활성',
  'people.accountOf': '{name}님의 계정 유형',
  'people.actions': '{name}님에 대한 작업',
  'people.disable': '비활성화',
  'people.enable': '활성화',
  'people.enableNamed': '{name}님 활성화',
  'people.disableNamed': '{name}님 비활성화',
  'people.disableTitle': '{name}님의 계정을 비활성화할까요?',
  'people.disableAction': '계정 비활성화',
  'people.disableText':
    '{name}님은 모든 기기에서 로그아웃되며, 다시 활성화할 때까지 로그인하거나 편집할 수 없습니다. 작성한 내용은 그대로 남습니다.',
  'people.reset': '비밀번호 재설정',
  'people.delete': '계정 삭제',
  'people.deleteTitle': '{name}님의 계정을 삭제할까요?',
  'people.deleteText':
    '{name}님은 모든 기기에서 로그아웃되고 이름과 이메일이 지워집니다. 작성한 내용은 그대로 남습니다. 이 작업은 되돌릴 수 없습니다.',
  'people.heir': '문서를 넘겨받을 사람',
  'people.deleteAction': '계정 삭제',
  'people.deleted': '{name}님의 계정을 삭제했습니다.',
};
