import { common } from './en/common';
import { editor } from './en/editor';

/** All texts in English. The other catalogues have the same keys. */
export const en = { ...common, ...editor } as const;
