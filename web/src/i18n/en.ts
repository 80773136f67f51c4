import { account } from './en/account';
import { admin } from './en/admin';
import { common } from './en/common';
import { documents } from './en/documents';
import { editor } from './en/editor';
import { entrance } from './en/entrance';
import { notices } from './en/notices';
import { people } from './en/people';
import { share } from './en/share';

/** All texts in English. The other catalogues have the same keys. */
export const en = {
  ...account,
  ...admin,
  ...common,
  ...documents,
  ...editor,
  ...entrance,
  ...notices,
  ...people,
  ...share,
} as const;
