import { describe, expect, it } from 'vitest';
import { nextAfterLogin } from './router';

describe('nextAfterLogin', () => {
  it.each([
    ['', '/'],
    ['?next=%2Fd%2F0190', '/d/0190'],
    ['?next=%2Fd%2F0190%3Fa%3Db', '/d/0190?a=b'],
    ['?next=https%3A%2F%2Felsewhere.example', '/'],
    ['?next=%2F%2Felsewhere.example', '/'],
    ['?next=%2F%5Celsewhere.example', '/'],
    ['?next=javascript%3Aalert(1)', '/'],
    ['?next=%2F', '/'],
  ])('%s goes to %s', (search, want) => {
    expect(nextAfterLogin(search)).toBe(want);
  });
});
