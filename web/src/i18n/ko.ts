import type { en } from './en';
import type { Translation } from './format';
import { account } from './ko/account';
import { admin } from './ko/admin';
import { common } from './ko/common';
import { documents } from './ko/documents';
import { editor } from './ko/editor';
import { entrance } from './ko/entrance';
import { notices } from './ko/notices';
import { people } from './ko/people';
import { share } from './ko/share';

/** All texts in Korean. */
export const ko: Translation<typeof en> = {
  ...account,
  ...admin,
  ...common,
  ...documents,
  ...editor,
  ...entrance,
  ...notices,
  ...people,
  ...share,
};
