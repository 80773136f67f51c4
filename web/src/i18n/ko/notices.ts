import type { notices as english } from '../en/notices';
import type { Translation } from '../format';

export const notices: Translation<typeof english> = {
  'notices.title': '알림',
  'notices.unread': '알림, 읽지 않음 {n}개',
  'notices.unreadMark': '읽지 않음: ',
  'notices.markAll': '모두 읽음으로 표시',
  'notices.mark': '읽음으로 표시',
  'notices.markOne': '읽음으로 표시: {text}',
  'notices.none': '아직 알림이 없습니다',
  'notices.noneText': '누군가 문서를 공유하거나 내 권한을 바꾸면 여기에 표시됩니다.',
  'notices.older': '이전 알림 보기',
  'notice.shared': '{who}님이 {title} 문서를 공유했습니다 ({role})',
  'notice.role': '{who}님이 {title} 문서에서 내 권한을 {role}{role|으로/로} 변경했습니다',
  'notice.removed': '{who}님이 {title} 문서에서 나를 제외했습니다',
  'notice.deleted': '{who}님이 {title} 문서를 휴지통으로 옮겼습니다',
  'notice.restored': '{who}님이 {title} 문서를 휴지통에서 복원했습니다',
  'notice.nobody.shared': '{title} 문서가 공유되었습니다 ({role})',
  'notice.nobody.role': '{title} 문서에서 내 권한이 {role}{role|으로/로} 변경되었습니다',
  'notice.nobody.removed': '{title} 문서에서 제외되었습니다',
  'notice.nobody.deleted': '{title} 문서가 휴지통으로 옮겨졌습니다',
  'notice.nobody.restored': '{title} 문서가 휴지통에서 복원되었습니다',
  'notice.other': '{title} 문서에 변경 사항이 있습니다',
};
