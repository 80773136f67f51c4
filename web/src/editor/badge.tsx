import { useEffect, useState } from 'react';
import type { SaveSnapshot } from '../sync/saveState';

/** How long everything has to stay saved before the badge says so again, in milliseconds. */
const calm = 350;

interface Words {
  short: string;
  long: string;
  explain: string;
}

function words(save: SaveSnapshot, shown: SaveSnapshot['badge'], writer: boolean, fresh: boolean): Words {
  switch (shown) {
    case 'saved':
      return writer
        ? { short: 'Saved', long: '', explain: 'The server has everything that you wrote.' }
        : { short: 'Up to date', long: '', explain: 'You see the document as it is on the server.' };
    case 'saving':
      return save.unsaved || writer
        ? { short: 'Saving…', long: '', explain: 'The server has not confirmed your last changes yet.' }
        : { short: 'Syncing…', long: '', explain: 'Reading what changed.' };
    case 'offline':
      if (fresh) return { short: 'Connecting…', long: '', explain: 'Waiting for the server.' };
      if (!writer) return { short: 'Offline', long: '', explain: 'Changes of others appear when the server is back.' };
      return save.unsaved
        ? {
            short: 'Offline',
            long: ' — unsaved changes are kept here',
            explain: 'Keep this page open: your changes are sent as soon as the server is back.',
          }
        : {
            short: 'Offline',
            long: ' — changes are kept here',
            explain: 'Nothing is unsaved. What you type is kept in this page until the server is back.',
          };
    case 'refused':
      return {
        short: 'Not saved',
        long: `: ${save.refusal?.reason ?? 'the server refused it'}`,
        explain: 'The server did not take your last changes. They are only in this page.',
      };
  }
}

/**
 * Delays "saved", and only that: while somebody types, every letter is confirmed within milliseconds, and a badge that
 * flickers is no badge. All bad news is shown at once.
 */
function useCalm(badge: SaveSnapshot['badge']): SaveSnapshot['badge'] {
  const [calmBadge, setCalmBadge] = useState(badge);
  useEffect(() => {
    const timer = window.setTimeout(
      () => {
        setCalmBadge(badge);
      },
      badge === 'saved' ? calm : 0,
    );
    return () => {
      window.clearTimeout(timer);
    };
  }, [badge]);
  if (badge !== 'saved') return badge;
  return calmBadge === 'saved' ? 'saved' : 'saving';
}

/** Tells whether what was typed is saved. `fresh` means that the document hasn't been shown yet. */
export function SaveBadge({ save, writer, fresh }: { save: SaveSnapshot; writer: boolean; fresh: boolean }) {
  const shown = useCalm(save.badge);
  const { short, long, explain } = words(save, shown, writer, fresh);
  const urgent = shown === 'refused' || (shown === 'offline' && !fresh);
  return (
    <>
      <span
        className="badge"
        data-testid="save-badge"
        data-state={shown}
        data-unsaved={save.unsaved}
        title={explain}
        tabIndex={-1}
      >
        <span className="badge-dot" aria-hidden="true" />
        <span className="badge-text">
          {short}
          {long ? <span className="badge-long">{long}</span> : null}
        </span>
      </span>
      <span className="visually-hidden" role="status">
        {urgent ? `${short}${long}. ${explain}` : ''}
      </span>
    </>
  );
}
