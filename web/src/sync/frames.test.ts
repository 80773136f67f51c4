import * as encoding from 'lib0/encoding';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { updateFrame } from './frames';

/** Encodes a frame as y-websocket does: the message's kind, then the message. */
function frame(kind: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, kind);
  write(encoder);
  return encoding.toUint8Array(encoder);
}

const doc = new Y.Doc();
doc.getText('default').insert(0, 'words');
const awareness = new Awareness(doc);
awareness.setLocalState({ user: { name: 'Ada' } });
awareness.destroy();

const cases: { name: string; bytes: Uint8Array; want: ReturnType<typeof updateFrame> }[] = [
  {
    name: 'sync step 1',
    bytes: frame(0, (e) => {
      sync.writeSyncStep1(e, doc);
    }),
    want: null,
  },
  {
    name: 'sync step 2',
    bytes: frame(0, (e) => {
      sync.writeSyncStep2(e, doc);
    }),
    want: 'step2',
  },
  {
    name: 'a step 2 that adds nothing',
    bytes: frame(0, (e) => {
      sync.writeSyncStep2(e, doc, Y.encodeStateVector(doc));
    }),
    want: 'step2',
  },
  {
    name: 'an update',
    bytes: frame(0, (e) => {
      sync.writeUpdate(e, Y.encodeStateAsUpdate(doc));
    }),
    want: 'update',
  },
  {
    name: 'awareness, whose second byte happens to be that of a step 2',
    bytes: frame(1, (e) => {
      encoding.writeVarUint8Array(e, new Uint8Array([0]));
    }),
    want: null,
  },
  {
    name: 'awareness',
    bytes: frame(1, (e) => {
      encoding.writeVarUint8Array(e, encodeAwarenessUpdate(awareness, [doc.clientID]));
    }),
    want: null,
  },
  { name: 'a query for awareness', bytes: new Uint8Array([3]), want: null },
  { name: 'an empty frame', bytes: new Uint8Array(), want: null },
  { name: 'a sync message without a second number', bytes: new Uint8Array([0]), want: null },
];

describe('updateFrame', () => {
  it.each(cases)('$name', ({ bytes, want }) => {
    expect(updateFrame(bytes)).toBe(want);
  });
});
