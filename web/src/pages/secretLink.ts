import { useState } from 'react';

/**
 * The one-time token of a set-up or invitation link. It comes in the fragment, which browsers don't send, so that no log
 * of requests holds it.
 */
export function useLinkToken(): string {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get('token') ?? '');
  return token;
}

/** The shortest password that the forms accept, in characters; the server has the last word. */
export const shortestPassword = 8;
