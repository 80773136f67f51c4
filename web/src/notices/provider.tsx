import { useEffect, useState, type ReactNode } from 'react';
import { api, streams } from '../api/client';
import { NoticesContext } from './context';
import { NoticeCenter } from './noticeCenter';
import { NoticeToast } from './toast';

/** Listens for notices as long as somebody is logged in; its key has to be that account. */
export function NoticesProvider({ children }: { children: ReactNode }) {
  const [center] = useState(() => new NoticeCenter(api, streams.notices));
  useEffect(() => {
    center.start();
    return () => {
      center.stop();
    };
  }, [center]);
  return (
    <NoticesContext value={center}>
      {children}
      <NoticeToast />
    </NoticesContext>
  );
}
