import { useEffect, useState } from 'react';
import type { SaveSnapshot } from '../sync/saveState';

/** How long everything has to stay saved before the badge says so again, in milliseconds. */
const calm = 350;

/** Where the document stands: not shown yet, open, or ended by the server for good. */
export type Stage = 'opening' | 'open' | 'ended';

interface Words {
  short: string;
  long: string;
  explain: string;
}

function words(save: SaveSnapshot, shown: SaveSnapshot['badge'], writer: boolean, stage: Stage): Words {
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
      if (stage === 'ended') {
        return {
          short: 'Disconnected',
          long: save.unsaved ? ' — some changes are not saved' : '',
          explain: 'The server ended the connection.',
        };
      }
      if (stage === 'opening') return { short: 'Connecting…', long: '', explain: 'Waiting for the server.' };
      if (!writer) return { short: 'Offline', long: '', explain: 'Changes of others appear when the server is back.' };
      return save.unsaved
        ? {
            short: 'Offline',
            long: ' — unsaved changes kept here',
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

/** Tells whether what was typed is saved. */
export function SaveBadge({ save, writer, stage }: { save: SaveSnapshot; writer: boolean; stage: Stage }) {
  const shown = useCalm(save.badge);
  const { short, long, explain } = words(save, shown, writer, stage);
  const urgent = shown === 'refused' || (shown === 'offline' && stage === 'open');
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
