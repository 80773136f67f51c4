// Twelve hues, each dark enough for white letters (contrast at least 4.5:1) and visible as a caret on both grounds.
const palette = [
  '#1c6fb5',
  '#b0413e',
  '#3f7a34',
  '#8a4fb0',
  '#a65a12',
  '#0f7580',
  '#b03a78',
  '#5b6ac4',
  '#7a6a12',
  '#2f7a5f',
  '#94573b',
  '#6d5f8d',
] as const;

/** The colour of a person: the same on every screen and day, since it depends on the account's id alone. */
export function colourOf(userId: string): string {
  let hash = 0x811c9dc5; // FNV-1a, 32 bits
  for (let i = 0; i < userId.length; i++) {
    hash = Math.imul(hash ^ userId.charCodeAt(i), 0x01000193);
  }
  return palette[(hash >>> 0) % palette.length] ?? palette[0];
}
