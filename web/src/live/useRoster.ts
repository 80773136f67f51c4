import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Editor } from '../api/types';
import { Roster, type RosterState } from './roster';

/** Keeps a roster by the stream at `path` while the component is shown and `wanted`. */
export function useRoster<E extends Editor = Editor>(
  path: string,
  wanted = true,
): { state: RosterState<E>; roster: Roster<E> } {
  const roster = useMemo(() => new Roster<E>(path), [path]);
  useEffect(() => {
    if (!wanted) return;
    roster.start();
    return () => {
      roster.stop();
    };
  }, [roster, wanted]);
  return { roster, state: useSyncExternalStore(roster.subscribe, roster.snapshot) };
}
