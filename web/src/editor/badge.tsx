import { useEffect, useState } from 'react';
import { useText, type TextKey, type Translate } from '../i18n';
import type { Keeping } from '../sync/keeper';
import type { SaveSnapshot } from '../sync/saveState';

/** How long everything has to stay saved before the badge says so again, in milliseconds. */
const calm = 350;

/** Where the document stands: not shown yet, open, or ended by the server for good. */
export type Stage = 'opening' | 'open' | 'ended';

type BadgeText = Extract<TextKey, `editor.badge.${string}`>;

interface Words {
  short: string;
  long: string;
  explain: string;
}

function words(
  t: Translate,
  save: SaveSnapshot,
  shown: SaveSnapshot['badge'],
  writer: boolean,
  stage: Stage,
  { kept, restoring }: Keeping,
): Words {
  const say = (short: BadgeText, explain: BadgeText, long?: BadgeText): Words => ({
    short: t(short),
    long: long ? t(long) : '',
    explain: t(explain),
  });
  switch (shown) {
    case 'saved':
      return writer
        ? say('editor.badge.saved', 'editor.badge.savedHint')
        : say('editor.badge.upToDate', 'editor.badge.upToDateHint');
    case 'saving':
      if (restoring) return say('editor.badge.restoring', 'editor.badge.restoringHint');
      return save.unsaved || writer
        ? say('editor.badge.saving', 'editor.badge.savingHint')
        : say('editor.badge.syncing', 'editor.badge.syncingHint');
    case 'offline':
      if (stage === 'ended') {
        return say(
          'editor.badge.disconnected',
          'editor.badge.disconnectedHint',
          save.unsaved ? 'editor.badge.disconnectedLong' : undefined,
        );
      }
      if (stage === 'opening') return say('editor.badge.connecting', 'editor.badge.connectingHint');
      if (!writer) return say('editor.badge.offline', 'editor.badge.offlineViewerHint');
      if (!save.unsaved) return say('editor.badge.offline', 'editor.badge.nothingHint', 'editor.badge.nothingLong');
      return kept
        ? say('editor.badge.offline', 'editor.badge.keptHint', 'editor.badge.keptLong')
        : say('editor.badge.offline', 'editor.badge.unsavedHint', 'editor.badge.unsavedLong');
    case 'refused':
      return {
        short: t('editor.badge.refused'),
        long: `: ${save.refusal?.reason ?? t('editor.badge.refusedReason')}`,
        explain: t('editor.badge.refusedHint'),
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
export function SaveBadge({
  save,
  writer,
  stage,
  keeping,
}: {
  save: SaveSnapshot;
  writer: boolean;
  stage: Stage;
  keeping: Keeping;
}) {
  const t = useText();
  const shown = useCalm(save.badge);
  const { short, long, explain } = words(t, save, shown, writer, stage, keeping);
  const urgent = shown === 'refused' || (shown === 'offline' && stage === 'open');
  return (
    <>
      <span
        className="badge"
        data-testid="save-badge"
        data-state={shown}
        data-unsaved={save.unsaved}
        data-kept={keeping.kept}
        title={explain}
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
