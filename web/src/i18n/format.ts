/** A text, or one for each form of a number that its language tells apart. */
export type Message = string | { readonly one: string; readonly other: string };

/** What a text is filled with. `n` also chooses the form of a counted text. */
export type Values = Readonly<Record<string, string | number>>;

type Names<S extends string> = S extends `${string}{${infer Name}}${infer Rest}`
  ? (Name extends `${infer Plain}|${string}` ? Plain : Name) | Names<Rest>
  : never;

/** The names of the places that a text has to fill. */
export type Places<M extends Message> = M extends string
  ? Names<M>
  : M extends { one: infer One extends string; other: infer Other extends string }
    ? Names<One> | Names<Other> | 'n'
    : never;

/** A language's own catalogue: all the keys of the first one, each counted where that one is. */
export type Translation<Catalogue extends Readonly<Record<string, Message>>> = {
  readonly [Key in keyof Catalogue]: Catalogue[Key] extends string
    ? string
    : { readonly one?: string; readonly other: string };
};

const hangul = { first: 0xac00, last: 0xd7a3, finals: 28, rieul: 8 };

/** How a word ends when it is read aloud in Korean: with a vowel, with the consonant ㄹ, or with another one. */
function ending(word: string): 'vowel' | 'rieul' | 'consonant' {
  const last = /[\p{L}\p{N}](?=[^\p{L}\p{N}]*$)/u.exec(word)?.[0] ?? '';
  const code = last.codePointAt(0) ?? 0;
  if (code >= hangul.first && code <= hangul.last) {
    const final = (code - hangul.first) % hangul.finals;
    return final === 0 ? 'vowel' : final === hangul.rieul ? 'rieul' : 'consonant';
  }
  if (/[178lrLR]/.test(last)) return 'rieul';
  return /[036mnMN]/.test(last) ? 'consonant' : 'vowel';
}

/**
 * The particle that follows a word in Korean, from a pair such as "이/가", "을/를", "은/는", "와/과" or "으로/로": the
 * first after a consonant, except that "로" also follows ㄹ.
 */
export function particle(word: string, pair: string): string {
  const [afterConsonant = '', afterVowel = ''] = pair.split('/');
  const end = ending(word);
  return end === 'vowel' || (end === 'rieul' && afterVowel === '로') ? afterVowel : afterConsonant;
}

/**
 * Cuts a text at its places: `{name}` stands for a value, `{name|을/를}` for the particle that follows it. The result
 * has the plain pieces as strings and the values as what `fill` makes of their names.
 */
export function pieces<T>(text: string, values: Values, fill: (name: string) => T): (string | T)[] {
  return text
    .split(/(\{[^{}]+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => {
      if (!piece.startsWith('{') || !piece.endsWith('}')) return piece;
      const [name = '', pair] = piece.slice(1, -1).split('|');
      return pair === undefined ? fill(name) : particle(String(values[name] ?? ''), pair);
    });
}

/** The form of a message for the number `n` among its values. */
export function formOf(
  message: string | { readonly one?: string; readonly other: string },
  values: Values,
  rules: Intl.PluralRules,
): string {
  if (typeof message === 'string') return message;
  const n = Number(values.n ?? 0);
  return rules.select(n) === 'one' ? (message.one ?? message.other) : message.other;
}
