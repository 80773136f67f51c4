import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { speakLanguage } from '../i18n';
import { detailOf } from './details';

const bo = '01a20a00-1a65-730a-aa97-dc6c1ed83e78';
const gone = '01b20a00-1a65-730a-aa97-dc6c1ed83e78';
const agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
const nameOf = (id: string) => (id === bo ? 'Bo' : '');

const table: [action: string, detail: string, english: string, korean: string][] = [
  ['session.login', agent, 'Chrome on Linux', 'Linux의 Chrome'],
  ['session.end', `session ${bo}`, '', ''],
  ['user.create', 'member', 'Member', '멤버'],
  ['user.create', 'first admin', 'first administrator', '첫 관리자'],
  ['user.change', 'name, role admin', 'name, now Administrator', '이름, 관리자로 변경'],
  ['user.delete', `heir Bo (${bo})`, 'documents went to Bo', '문서는 Bo님에게 이전'],
  ['user.password', 'by a one-time link', 'by a one-time link', '일회용 링크로'],
  ['user.invite', 'bo@example.org', 'bo@example.org', 'bo@example.org'],
  ['key.create', 'documents:read tokens', 'Read documents, Hand out access', '문서 읽기, 접근 권한 발급'],
  ['key.create', 'admin, expires 2027-01-02', 'Administer, expires Jan 2, 2027', '관리, 2027. 1. 2. 만료'],
  ['document.create', 'plan-2027', 'key plan-2027', '키 plan-2027'],
  ['document.duplicate', `of ${bo}`, '', ''],
  ['document.transfer', `to Bo (${bo})`, 'to Bo', 'Bo님에게'],
  ['document.share', `Bo (${bo}): editor`, 'Bo: Can edit', 'Bo: 편집 가능'],
  ['document.share', `Bo (B): (${bo}): viewer`, 'Bo (B):: View only', 'Bo (B):: 보기 전용'],
  [
    'document.role',
    `Bo (${bo}): viewer, before editor`,
    'Bo: View only, before Can edit',
    'Bo: 보기 전용, 이전 편집 가능',
  ],
  [
    'document.role',
    `Yuki (${bo}): viewer, before editor, with Bo`,
    'Yuki (guest of Bo): View only, before Can edit',
    'Yuki(Bo님의 게스트): 보기 전용, 이전 편집 가능',
  ],
  ['document.unshare', `Leo (${gone}), before editor`, 'Leo, before Can edit', 'Leo, 이전 편집 가능'],
  [
    'document.unshare',
    `Yuki (${gone}), before viewer, with Bo`,
    'Yuki (guest of Bo), before View only',
    'Yuki(Bo님의 게스트), 이전 보기 전용',
  ],
  ['document.unshare', bo, 'Bo', 'Bo'],
  ['document.unshare', gone, 'somebody without an account now', '이제 계정이 없는 사람'],
  ['token.create', 'editor', 'Can edit', '편집 가능'],
  ['token.create', `Yuki (${bo}): viewer`, 'Yuki: View only', 'Yuki: 보기 전용'],
  ['audit.sweep', 'entries from before 2026-01-02T12:00:00Z', 'from before Jan 2, 2026', '2026. 1. 2. 이전 기록'],
  ['document.praise', 'of a newer server', 'of a newer server', 'of a newer server'],
  ['document.share', '', '', ''],
];

const told = (action: string, detail: string) =>
  detailOf({ id: '1', at: '2026-11-23T10:00:00Z', address: '::1', action, ...(detail ? { detail } : {}) }, nameOf);

describe('details of the audit log', () => {
  it.each(table)('%s, %s: in English', (action, detail, english) => {
    expect(told(action, detail)).toBe(english);
  });

  describe('in Korean', () => {
    beforeAll(async () => {
      vi.stubGlobal('document', { documentElement: {} });
      await speakLanguage('ko');
    });
    afterAll(async () => {
      await speakLanguage('en');
      vi.unstubAllGlobals();
    });
    it.each(table)('%s, %s', (action, detail, _, korean) => {
      expect(told(action, detail)).toBe(korean);
    });
  });
});
