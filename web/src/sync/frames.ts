import type { Decoder } from 'lib0/decoding';

// What the y-websocket protocol sends, as far as acknowledgements need it: one message a frame, which starts with its
// kind, and for sync messages a second number. All of these numbers fit one byte.

const messageSync = 0;
const syncStep1 = 0;
const syncStep2 = 1;
const syncUpdate = 2;

/** Message kinds of the subprotocol `bizsync.v1`. */
export const messageDecided = 120;
export const messageRefused = 121;

/** The subprotocol in which the server acknowledges update frames. */
export const subprotocol = 'bizsync.v1';

/** A frame that can carry edits: these are counted, and decided by the server. */
export type UpdateFrame = 'step2' | 'update';

/** Tells whether a frame that the client sends can carry edits. Awareness and sync step 1 can't: null. */
export function updateFrame(frame: Uint8Array): UpdateFrame | null {
  if (frame[0] !== messageSync) return null;
  if (frame[1] === syncStep2) return 'step2';
  if (frame[1] === syncUpdate) return 'update';
  return null;
}

/** Tells whether a sync message, whose kind was read already, asks for what we have. It reads nothing. */
export function isStep1(rest: Decoder): boolean {
  return rest.arr[rest.pos] === syncStep1;
}
