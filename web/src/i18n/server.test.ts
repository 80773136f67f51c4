import { describe, expect, it } from 'vitest';
import { en } from './en';
import { ko } from './ko';

// What the server may say by a word for programs has a text for people, in every language.
const sources = import.meta.glob<string>('../../../api/*.go', { query: '?raw', import: 'default', eager: true });
const [description = ''] = Object.values(
  import.meta.glob<string>('../api/openapi.json', { query: '?raw', import: 'default', eager: true }),
);

const found = (text: string, pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, word = '']) => word))];
const source = Object.entries(sources)
  .filter(([path]) => !path.endsWith('_test.go'))
  .map(([, text]) => text)
  .join('\n');

const declared = found(source, /\bcode[A-Z]\w*\s*=\s*"([a-z_]+)"/g);
const described = found(description, /"code":\s*"([a-z_]+)"/g);
const acts = found(source, /\bdid[A-Z]\w*\s*=\s*"([a-z.]+)"/g);

describe('the texts for what the server says', () => {
  it('are looked for in the right places', () => {
    expect(declared).toContain('idempotency_busy');
    expect(described).toContain('precondition_failed');
    expect(acts).toContain('document.share');
  });

  it.each([...new Set([...declared, ...described])].sort())('problem %s', (code) => {
    expect(en).toHaveProperty([`problem.${code}`]);
    expect(ko).toHaveProperty([`problem.${code}`]);
  });

  it.each(acts)('act %s', (act) => {
    expect(en).toHaveProperty([`act.${act}`]);
    expect(ko).toHaveProperty([`act.${act}`]);
  });
});
