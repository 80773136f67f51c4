import type { Extension } from '@codemirror/state';

/** A language that a plain text can be in, by the end of its title. */
interface Language {
  name: string;
  load: () => Promise<Extension>;
}

const javascript = (name: string, options: { jsx?: boolean; typescript?: boolean }): Language => ({
  name,
  load: async () => (await import('@codemirror/lang-javascript')).javascript(options),
});

const languages: Partial<Record<string, Language>> = {
  js: javascript('JavaScript', { jsx: true }),
  mjs: javascript('JavaScript', {}),
  jsx: javascript('JavaScript', { jsx: true }),
  ts: javascript('TypeScript', { typescript: true }),
  tsx: javascript('TypeScript', { jsx: true, typescript: true }),
  json: { name: 'JSON', load: async () => (await import('@codemirror/lang-json')).json() },
  md: { name: 'Markdown', load: async () => (await import('@codemirror/lang-markdown')).markdown() },
  go: { name: 'Go', load: async () => (await import('@codemirror/lang-go')).go() },
  py: { name: 'Python', load: async () => (await import('@codemirror/lang-python')).python() },
  html: { name: 'HTML', load: async () => (await import('@codemirror/lang-html')).html() },
  css: { name: 'CSS', load: async () => (await import('@codemirror/lang-css')).css() },
};

/** The language that a title's suffix stands for, or null for plain text. */
export function languageOf(title: string): Language | null {
  const suffix = /\.([a-z]+)$/i.exec(title.trim())?.[1]?.toLowerCase();
  return (suffix ? languages[suffix] : null) ?? null;
}
