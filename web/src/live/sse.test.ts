import { describe, expect, it } from 'vitest';
import { EventReader, type StreamEvent } from './sse';

function read(pieces: string[]): StreamEvent[] {
  const reader = new EventReader();
  return pieces.flatMap((piece) => reader.push(piece));
}

describe('EventReader', () => {
  it.each<[string, string, StreamEvent[]]>([
    ['a named event', 'event: join\ndata: {}\n\n', [{ name: 'join', data: '{}', id: '' }]],
    ['an event without a name', 'data: a\n\n', [{ name: 'message', data: 'a', id: '' }]],
    ['data of several lines', 'data: a\ndata:b\ndata\n\n', [{ name: 'message', data: 'a\nb\n', id: '' }]],
    ['carriage returns', 'data: a\r\rdata: b\r\n\r\n', ['a', 'b'].map((data) => ({ name: 'message', data, id: '' }))],
    ['both line ends in one event', 'data: a\r\ndata: b\r\n\r\n', [{ name: 'message', data: 'a\nb', id: '' }]],
    ['a byte order mark', '\ufeffdata: a\n\n', [{ name: 'message', data: 'a', id: '' }]],
    ['comments', ': beat\n\n:\n\ndata: a\n\n', [{ name: 'message', data: 'a', id: '' }]],
    ['fields that nobody knows', 'colour: red\ndata: a\n\n', [{ name: 'message', data: 'a', id: '' }]],
    ['an event without data', 'event: join\n\ndata: a\n\n', [{ name: 'message', data: 'a', id: '' }]],
    ['an event that has not ended', 'data: a\n', []],
  ])('reads %s, however it is cut', (_what, text, want) => {
    expect(read([text])).toEqual(want);
    expect(read(Array.from(text))).toEqual(want);
    for (let at = 1; at < text.length; at++) expect(read([text.slice(0, at), text.slice(at)])).toEqual(want);
  });

  it('keeps the last id for the events after it, and over a restart', () => {
    const reader = new EventReader();
    expect(reader.push('id: 7\ndata: a\n\ndata: b\n\n').map(({ id }) => id)).toEqual(['7', '7']);
    reader.push('id: 8');
    reader.restart();
    expect(reader.lastId).toBe('7'); // the line of the 8 had not ended
    expect(reader.push('data: c\n\n')).toEqual([{ name: 'message', data: 'c', id: '7' }]);
    reader.push('id: 9\0\n\n');
    expect(reader.lastId).toBe('7');
    reader.push('id\n\n');
    expect(reader.lastId).toBe('');
  });

  it('hears when to come back', () => {
    const reader = new EventReader();
    reader.push('retry: soon\n');
    expect(reader.retry).toBeNull();
    reader.push('retry: 1500\n\n');
    expect(reader.retry).toBe(1500);
  });

  it('does not gather without end', () => {
    const reader = new EventReader();
    const piece = 'x'.repeat(1 << 20);
    expect(() => {
      for (let i = 0; i < 10; i++) reader.push(piece);
    }).toThrow('too long');
  });
});
