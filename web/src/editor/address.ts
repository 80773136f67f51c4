const schemes = /^(https?|mailto|tel):/i;

/**
 * The address that somebody means by what they typed: "example.org" is a site, "ada@example.org" a mailbox. Null when
 * it is none, or one that a browser would run instead of open.
 */
export function addressOf(typed: string): string | null {
  const text = typed.trim();
  if (text === '' || /\s/.test(text)) return null;
  if (schemes.test(text)) return URL.canParse(text) ? text : null;
  if (/^[a-z][a-z0-9+.-]*:(?!\d)/i.test(text)) return null;
  if (text.startsWith('/') || text.startsWith('#')) return text;
  if (/^[^@/]+@[^@/]+\.[^@/]+$/.test(text)) return `mailto:${text}`;
  return /^[^/]+\.[^/]{2,}|^localhost\b/.test(text) && URL.canParse(`https://${text}`) ? `https://${text}` : null;
}

/** The address of a picture, which the page may only load over https. Null when it is none. */
export function pictureAddressOf(typed: string): string | null {
  const address = addressOf(typed);
  return address !== null && /^https:\/\//i.test(address) ? address : null;
}
