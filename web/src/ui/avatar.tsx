import { colourOf } from './colour';

/** The letters that stand for a person: of the first and the last word of the name. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0] ?? '?';
  const last = words.length > 1 ? (words[words.length - 1] ?? '') : '';
  const letter = (word: string) => Array.from(word)[0] ?? '';
  return (letter(first) + letter(last)).toUpperCase();
}

export function Avatar({
  id,
  name,
  title,
  small = false,
}: {
  id: string;
  name: string;
  title?: string;
  small?: boolean;
}) {
  return (
    <span
      className={small ? 'avatar avatar-small' : 'avatar'}
      style={{ backgroundColor: colourOf(id) }}
      title={title ?? name}
      aria-hidden="true"
      // Drawn, not text: the letters are a picture of a name that is said elsewhere.
      data-letters={initialsOf(name)}
    />
  );
}
