import type { en } from './en';
import type { Translation } from './format';
import { common } from './ko/common';
import { editor } from './ko/editor';

/** All texts in Korean. */
export const ko: Translation<typeof en> = { ...common, ...editor };
