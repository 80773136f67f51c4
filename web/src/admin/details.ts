// What an entry of the audit log adds to its act. The server keeps it as a short English text of fixed forms, which is
// read here and told in the language of whoever looks; a form that isn't known is shown as it is.
import type { AuditEntry } from '../api/types';
import { t, type TextKey } from '../i18n';
import { en } from '../i18n/en';
import { deviceName } from '../ui/device';
import { fullDate } from '../ui/when';

const id = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const oneId = new RegExp(`^${id}$`);

/** Gives the name of an account, or '' when it isn't known. */
export type NameOf = (id: string) => string;

/** A person as the server writes one: a name with the id behind it, or the id alone. */
function personOf(text: string, nameOf: NameOf): string {
  if (oneId.test(text)) return nameOf(text) || t('detail.somebody');
  return text.replace(new RegExp(` \\(${id}\\)$`), '');
}

function wordOf(prefix: string, word: string): string {
  const key = `${prefix}.${word}`;
  return key in en ? t(key as Extract<TextKey, 'role.owner'>) : word;
}

const roleOf = (word: string) => wordOf('role', word);

function accountRole(text: string): string {
  if (text === 'first admin') return t('detail.firstAdmin');
  return wordOf('account', text);
}

type Form = readonly [pattern: RegExp, tell: (parts: string[], nameOf: NameOf) => string];

/** Who it is, what the role is and was, and whose guest it is whose role went with theirs. */
const membership: Form = [
  new RegExp(`^(.+ \\(${id}\\)|.+?)(?:: (\\w+))?(?:, before (\\w+))?(?:, with (.+))?$`),
  ([who = '', role = '', before = '', host = ''], nameOf) => {
    const person = personOf(who, nameOf);
    const name = host ? t('detail.guestOf', { guest: person, name: host }) : person;
    if (role && before) return t('detail.roleChanged', { name, role: roleOf(role), before: roleOf(before) });
    if (role) return t('detail.role', { name, role: roleOf(role) });
    if (before) return t('detail.removed', { name, before: roleOf(before) });
    return name;
  },
];

const key: Form = [/^(.+)$/, ([name = '']) => t('detail.key', { key: name })];
const nothing: Form = [/^.*$/, () => ''];

/** The forms of each act's detail, the first that fits is taken. */
const forms: Partial<Record<string, Form[]>> = {
  'session.login': [[/^(.+)$/, ([agent = '']) => deviceName(agent)]],
  'session.end': [nothing],
  'user.create': [[/^(.+)$/, ([role = '']) => accountRole(role)]],
  'user.change': [
    [
      /^(.+)$/,
      ([what = '']) =>
        what
          .split(', ')
          .map((part) =>
            part === 'name'
              ? t('detail.name')
              : part.startsWith('role ')
                ? t('detail.newRole', { role: accountRole(part.slice(5)) })
                : part,
          )
          .join(', '),
    ],
  ],
  'user.delete': [[/^heir (.+)$/, ([who = ''], nameOf) => t('detail.heir', { name: personOf(who, nameOf) })]],
  'user.password': [[/^by a one-time link$/, () => t('detail.byLink')]],
  'key.create': [
    [
      /^([\w: ]+?)(?:, expires (\d{4}-\d{2}-\d{2}))?$/,
      ([scopes = '', until = '']) =>
        [
          ...scopes.split(' ').map((scope) => wordOf('keys.scope', scope)),
          ...(until ? [t('keys.expires', { when: fullDate(until) })] : []),
        ].join(', '),
    ],
  ],
  'document.create': [key],
  'document.key': [key],
  'document.duplicate': [[new RegExp(`^of ${id}$`), () => '']],
  'document.transfer': [[/^to (.+)$/, ([who = ''], nameOf) => t('detail.to', { name: personOf(who, nameOf) })]],
  'document.share': [membership],
  'document.role': [membership],
  'document.unshare': [membership],
  'token.create': [[/^(\w+)$/, ([role = '']) => roleOf(role)], membership],
  'audit.sweep': [[/^entries from before (\S+)$/, ([when = '']) => t('detail.before', { when: fullDate(when) })]],
};

/** The detail of an entry in words, '' when there is nothing to tell. */
export function detailOf({ action, detail }: AuditEntry, nameOf: NameOf): string {
  if (!detail) return '';
  for (const [pattern, tell] of forms[action] ?? []) {
    const found = pattern.exec(detail);
    if (found) return tell(found.slice(1), nameOf);
  }
  return detail;
}
