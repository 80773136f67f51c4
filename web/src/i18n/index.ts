// The application's texts in the language of whoever uses this browser. English is part of the application and says
// which texts there are; other languages are loaded when they are chosen.
import { Fragment, createElement, useSyncExternalStore, type ReactNode } from 'react';
import { en } from './en';
import { formOf, pieces, type Places, type Translation, type Values } from './format';

export type Language = 'en' | 'ko';
export type Catalogue = typeof en;
export type TextKey = keyof Catalogue;

/** The languages by their own names. */
export const languages: readonly { id: Language; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'ko', name: '한국어' },
];

type Filled<Key extends TextKey, Value> = [Places<Catalogue[Key]>] extends [never]
  ? []
  : [values: Readonly<Record<Places<Catalogue[Key]>, Value>>];

/** Gives the text of a key, its places filled: `t('share.title', { title })`. Counted texts take `n`. */
export type Translate = <Key extends TextKey>(key: Key, ...values: Filled<Key, string | number>) => string;

interface Spoken {
  language: Language;
  texts: Translation<Catalogue>;
  rules: Intl.PluralRules;
  t: Translate;
}

const storedAs = 'bizsync.language';
const listeners = new Set<() => void>();

function speak(language: Language, texts: Translation<Catalogue>): Spoken {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  const t: Translate = (key, ...rest) => {
    const values: Values = rest[0] ?? {};
    const show = (name: string) => {
      const value = values[name] ?? '';
      return typeof value === 'number' ? numbers.format(value) : value;
    };
    return pieces(formOf(texts[key], values, rules), values, show).join('');
  };
  return { language, texts, rules, t };
}

let spoken: Spoken = speak('en', en);

async function load(language: Language): Promise<Translation<Catalogue>> {
  return language === 'ko' ? (await import('./ko')).ko : en;
}

function isLanguage(name: unknown): name is Language {
  return languages.some(({ id }) => id === name);
}

function stored(): string | null {
  try {
    return window.localStorage.getItem(storedAs);
  } catch {
    // Storage may be forbidden; then the browser's own language has to do.
    return null;
  }
}

/** The language that was chosen here, else the first of the browser's that we speak, else English. */
export function preferredLanguage(): Language {
  const chosen = stored();
  if (isLanguage(chosen)) return chosen;
  const found = navigator.languages.map((name) => name.split('-')[0]).find(isLanguage);
  return found ?? 'en';
}

/** Switches all texts to a language. */
export async function speakLanguage(language: Language): Promise<void> {
  const texts = await load(language);
  spoken = speak(language, texts);
  document.documentElement.lang = language;
  for (const listener of listeners) listener();
}

/** Switches to a language and stays with it in this browser. */
export async function chooseLanguage(language: Language): Promise<void> {
  try {
    window.localStorage.setItem(storedAs, language);
  } catch {
    // It holds until the page is loaded anew.
  }
  await speakLanguage(language);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** The texts in the current language, for components: they are drawn anew when it changes. */
export function useText(): Translate {
  return useSyncExternalStore(subscribe, () => spoken.t);
}

/** The current language, for components. */
export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, () => spoken.language);
}

/** The current language at this moment, for dates and numbers outside components. */
export function languageNow(): Language {
  return spoken.language;
}

/** The text of a key at this moment, for what isn't a component and isn't shown for long. */
export const t: Translate = (key, ...values) => spoken.t(key, ...values);

/**
 * A text with elements in its places: `rich('notice.shared', { who: name }, { who: <strong>{name}</strong> })`. The
 * plain values are there for particles and numbers, the elements are what is shown.
 */
export function rich<Key extends TextKey>(
  key: Key,
  values: Readonly<Record<Places<Catalogue[Key]>, string | number>>,
  elements: Readonly<Record<string, ReactNode>>,
): ReactNode[] {
  const all: Values = values;
  const show = (name: string): ReactNode => elements[name] ?? String(all[name] ?? '');
  return pieces(formOf(spoken.texts[key], all, spoken.rules), all, show).map((piece, at) =>
    createElement(Fragment, { key: at }, piece),
  );
}
