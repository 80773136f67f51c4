import { createContext, use, useSyncExternalStore } from 'react';
import type { NoticeCenter, NoticeState } from './noticeCenter';

export const NoticesContext = createContext<NoticeCenter | null>(null);

/** The notices of whoever is logged in; only for what is shown to people who are. */
export function useNoticeCenter(): NoticeCenter {
  const center = use(NoticesContext);
  if (!center) throw new Error('useNoticeCenter is used outside NoticesProvider');
  return center;
}

export function useNotices(): { center: NoticeCenter; state: NoticeState } {
  const center = useNoticeCenter();
  return { center, state: useSyncExternalStore(center.subscribe, center.snapshot) };
}
