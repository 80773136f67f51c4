import { useSyncExternalStore, type AnchorHTMLAttributes, type MouseEvent } from 'react';

// The application has a handful of pages; the History API is router enough for them.

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

let moved = false;

/** Whether this page was come to from another one of the application, which the browser knows nothing of. */
export function hasMoved(): boolean {
  return moved;
}

/** Goes to a path of this application without loading it anew. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  moved = true;
  if (options.replace) window.history.replaceState(null, '', to);
  else window.history.pushState(null, '', to);
  window.scrollTo(0, 0);
  for (const listener of listeners) listener();
}

/** The current path, without query and fragment. */
export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

let mayLeave: (() => boolean) | null = null;

/** Has `ask` decide, until it is replaced by null, whether a link may lead away from the page that is shown. */
export function guardLeaving(ask: (() => boolean) | null): void {
  mayLeave = ask;
}

/** An anchor that stays inside the application, but still opens in a new tab when asked to. */
export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain) return;
    event.preventDefault();
    if (mayLeave && !mayLeave()) return;
    navigate(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}

/**
 * Where to go after logging in: the `next` parameter, if it is a path of this site. Anything else (another host, or
 * `//host`, which browsers read as one) falls back to the list.
 */
export function nextAfterLogin(search: string): string {
  const next = new URLSearchParams(search).get('next');
  return next && /^\/[^/\\]/.test(next) ? next : '/';
}
