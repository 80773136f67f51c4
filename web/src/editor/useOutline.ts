import { useCallback, useState } from 'react';

/** Whether the window has room for the outline beside the text. */
export const roomForOutline = '(min-width: 1180px)';

const storedAs = 'bizsync.outline';

function stored(): string | null {
  try {
    return window.localStorage.getItem(storedAs);
  } catch {
    // Storage may be forbidden; then the window's width decides.
    return null;
  }
}

/** Whether the outline is shown: where there is room beside the text as it was left, elsewhere when asked for. */
export function useOutline(): { outline: boolean; setOutline: (open: boolean) => void } {
  const [outline, set] = useState(() => window.matchMedia(roomForOutline).matches && stored() !== 'closed');
  const setOutline = useCallback((open: boolean) => {
    set(open);
    if (!window.matchMedia(roomForOutline).matches) return;
    try {
      window.localStorage.setItem(storedAs, open ? 'open' : 'closed');
    } catch {
      // It holds until the page is loaded anew.
    }
  }, []);
  return { outline, setOutline };
}
