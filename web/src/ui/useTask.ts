import { useState } from 'react';
import { ApiError, reasonOf } from '../api/client';
import { useSession } from '../session';

interface Task {
  busy: boolean;
  problem: string;
  /** Runs a call to the server; answers whether it succeeded. */
  run: (work: () => Promise<void>) => Promise<boolean>;
}

/**
 * One thing at a time that a person asked the server to do, and what became of it. When the session turns out to have
 * ended, the person is sent to log in, unless `stay` is set: a page that holds unsaved edits must not go away by itself.
 */
export function useTask({ stay = false }: { stay?: boolean } = {}): Task {
  const { leave, session } = useSession();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');

  const run = async (work: () => Promise<void>): Promise<boolean> => {
    setBusy(true);
    setProblem('');
    try {
      await work();
      return true;
    } catch (error) {
      const loggedOut = error instanceof ApiError && error.status === 401;
      if (loggedOut && session.status === 'user' && !stay) leave();
      setProblem(reasonOf(error));
      return false;
    } finally {
      setBusy(false);
    }
  };

  return { busy, problem, run };
}
