/** Texts of more than one page: the frame, words for people and roles, what goes wrong. */
export const common = {
  'common.untitled': 'Untitled',
  'common.cancel': 'Cancel',
  'common.close': 'Close',
  'common.tryAgain': 'Try again',
  'common.loading': 'Loading…',
  'role.owner': 'Owner',
  'role.editor': 'Can edit',
  'role.commenter': 'View only',
  'role.viewer': 'View only',
  'count.people': { one: '{n} person', other: '{n} people' },
} as const;
