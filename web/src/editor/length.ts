import type { Node } from '@tiptap/pm/model';

/** How long a text is. */
export interface Length {
  words: number;
  characters: number;
  withoutSpaces: number;
  /** Blocks with anything in them. */
  paragraphs: number;
}

/** Silent reading, in words a minute. */
const pace = 220;

const nothing: Length = { words: 0, characters: 0, withoutSpaces: 0, paragraphs: 0 };

// Chinese characters and kana are words of their own; everything else, Korean too, is separated by spaces.
const words =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}\p{M}]+(?:['’._-][\p{L}\p{N}\p{M}]+)*/gu;

const letters = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Characters as people count them: a flag or a syllable with its accents is one. */
function charactersIn(text: string): number {
  // Plain Latin and composed Korean are what most texts are, and count themselves.
  if (/^[\x20-\x7e\u00c0-\u024f\uac00-\ud7a3]*$/.test(text)) return text.length;
  return [...letters.segment(text)].length;
}

export function lengthOf(text: string): Length {
  if (text.trim() === '') return { ...nothing, characters: text.length };
  return {
    words: text.match(words)?.length ?? 0,
    characters: charactersIn(text),
    withoutSpaces: charactersIn(text.replace(/\s+/g, '')),
    paragraphs: 1,
  };
}

export function sum(a: Length, b: Length): Length {
  return {
    words: a.words + b.words,
    characters: a.characters + b.characters,
    withoutSpaces: a.withoutSpaces + b.withoutSpaces,
    paragraphs: a.paragraphs + b.paragraphs,
  };
}

/** Whole minutes to read so many words, at least one. */
export function minutesToRead(words: number): number {
  return Math.max(1, Math.round(words / pace));
}

export interface Heading {
  level: number;
  text: string;
  /** Where it begins in the document. */
  at: number;
}

/** What a document as a whole says about itself. */
export interface Facts {
  length: Length;
  headings: readonly Heading[];
}

/** Counts a document, again and again: blocks that didn't change in between are counted once. */
export class Counter {
  readonly #lengths = new WeakMap<Node, Length>();

  facts(doc: Node): Facts {
    let length = nothing;
    const headings: Heading[] = [];
    doc.descendants((node, at) => {
      if (!node.isTextblock) return true;
      length = sum(length, this.#of(node));
      const level: unknown = node.attrs.level;
      if (node.type.name === 'heading' && typeof level === 'number') {
        headings.push({ level, text: node.textContent.trim(), at });
      }
      return false;
    });
    return { length, headings };
  }

  #of(block: Node): Length {
    let length = this.#lengths.get(block);
    if (!length) {
      length = lengthOf(block.textBetween(0, block.content.size, '\n', ' '));
      this.#lengths.set(block, length);
    }
    return length;
  }
}
