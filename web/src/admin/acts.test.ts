import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../api/types';
import { actOf, dayOf, isGrave, linkOf } from './acts';

const entry = (action: string, subject = 's1'): AuditEntry => ({
  id: '1',
  at: '2026-11-23T10:00:00Z',
  address: '127.0.0.1',
  action,
  subject,
});

describe('entries of the audit log', () => {
  it('are told in words, and by their own name when there are none', () => {
    expect(actOf(entry('document.share'))).toBe('shared a document');
    expect(actOf(entry('document.praise'))).toBe('document.praise');
  });

  it.each([
    ['document.share', '/d/s1'],
    ['token.create', '/d/s1'],
    ['document.purge', null],
    ['user.create', null],
  ])('%s leads to %s', (action, want) => {
    expect(linkOf(entry(action))).toBe(want);
  });

  it.each([
    ['session.failed', true],
    ['session.login', false],
    ['document.purge', true],
    ['document.restore', false],
    ['key.delete', true],
  ])('%s is grave: %s', (action, want) => {
    expect(isGrave(entry(action))).toBe(want);
  });
});

describe('dayOf', () => {
  it('begins at midnight here and ends at the next one', () => {
    const day = dayOf('2026-02-28');
    expect(new Date(day?.begin ?? '').getDate()).toBe(28);
    expect(new Date(day?.end ?? '')).toEqual(new Date(2026, 2, 1));
  });
  it('knows no day of nothing', () => {
    expect(dayOf('')).toBeNull();
  });
});
