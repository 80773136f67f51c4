import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { ApiError, api, reasonOf } from './api/client';
import type { User } from './api/types';

/** Who uses this browser: not known yet, a person, nobody, or the server didn't say. */
export type Session =
  { status: 'loading' } | { status: 'user'; user: User } | { status: 'nobody' } | { status: 'error'; reason: string };

interface SessionControls {
  session: Session;
  /** Takes over the account that a log-in, set-up or invitation answered with. */
  enter: (user: User) => void;
  /** Forgets the account here; the server was told already, or told us. */
  leave: () => void;
  retry: () => void;
}

const SessionContext = createContext<SessionControls | null>(null);

/** Knows who uses this browser. `asked` is the server's first answer, which was asked for before there was a page. */
export function SessionProvider({ asked, children }: { asked: Promise<User>; children: ReactNode }) {
  const [session, setSession] = useState<Session>({ status: 'loading' });
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const abort = new AbortController();
    (attempt === 0 ? asked : api.whoAmI(abort.signal)).then(
      (user) => {
        if (!abort.signal.aborted) setSession({ status: 'user', user });
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const nobody = error instanceof ApiError && error.status === 401;
        setSession(nobody ? { status: 'nobody' } : { status: 'error', reason: reasonOf(error) });
      },
    );
    return () => {
      abort.abort();
    };
  }, [asked, attempt]);

  const enter = useCallback((user: User) => {
    setSession({ status: 'user', user });
  }, []);
  const leave = useCallback(() => {
    setSession({ status: 'nobody' });
  }, []);
  const retry = useCallback(() => {
    setSession({ status: 'loading' });
    setAttempt((n) => n + 1);
  }, []);

  const value = useMemo(() => ({ session, enter, leave, retry }), [session, enter, leave, retry]);
  return <SessionContext value={value}>{children}</SessionContext>;
}

export function useSession(): SessionControls {
  const controls = use(SessionContext);
  if (!controls) throw new Error('useSession is used outside SessionProvider');
  return controls;
}
