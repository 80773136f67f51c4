import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import csharp from 'highlight.js/lib/languages/csharp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import go from 'highlight.js/lib/languages/go';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import kotlin from 'highlight.js/lib/languages/kotlin';
import markdown from 'highlight.js/lib/languages/markdown';
import php from 'highlight.js/lib/languages/php';
import python from 'highlight.js/lib/languages/python';
import ruby from 'highlight.js/lib/languages/ruby';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import swift from 'highlight.js/lib/languages/swift';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { createLowlight } from 'lowlight';

/** A piece of code of one kind, in characters from the beginning of its block; `kind` is its classes. */
export interface Span {
  from: number;
  to: number;
  kind: string;
}

type Tree = ReturnType<ReturnType<typeof createLowlight>['highlight']>;
type Branch = Tree['children'][number];

/** The languages that code blocks are coloured in. They are a chunk of their own, for documents with code. */
export class Grammars {
  readonly #lowlight = createLowlight({
    bash,
    c,
    cpp,
    csharp,
    css,
    diff,
    go,
    java,
    javascript,
    json,
    kotlin,
    markdown,
    php,
    python,
    ruby,
    rust,
    sql,
    swift,
    typescript,
    xml,
    yaml,
  });

  /** The coloured pieces of a text in a language; none when the language is unknown. */
  spansOf(text: string, language: string): readonly Span[] {
    if (!this.#lowlight.registered(language)) return [];
    const spans: Span[] = [];
    let at = 0;
    const walk = (branches: readonly Branch[], kinds: readonly string[]): void => {
      for (const branch of branches) {
        if (branch.type === 'text') {
          const from = at;
          at += branch.value.length;
          if (kinds.length > 0) spans.push({ from, to: at, kind: kinds.join(' ') });
        } else if (branch.type === 'element') {
          const own = branch.properties.className;
          walk(branch.children, Array.isArray(own) ? [...kinds, ...own.map(String)] : kinds);
        }
      }
    };
    walk(this.#lowlight.highlight(language, text).children, []);
    return spans;
  }
}
