import { useState } from 'react';

/**
 * The one-time token of a set-up, invitation or password link, and what it is for. Both come in the fragment, which
 * browsers don't send, so that no log of requests holds them.
 */
export function useSecretLink(): { token: string; reset: boolean } {
  const [link] = useState(() => {
    const said = new URLSearchParams(window.location.hash.slice(1));
    return { token: said.get('token') ?? '', reset: said.has('reset') };
  });
  return link;
}

/** A link for a new password is one as for an invitation; this tells its page which words to use. */
export function asReset(url: string): string {
  return `${url}&reset=1`;
}

/** How the set-up link ends, for showing. */
export const setupLinkEnd = '/setup#token=…';

/** The shortest password that the forms accept, in characters; the server has the last word. */
export const shortestPassword = 8;
