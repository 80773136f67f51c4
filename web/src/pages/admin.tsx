import { useCallback, useEffect, useState } from 'react';
import { OnlineList } from '../admin/onlineList';
import { counted, countsOf, type Counts } from '../admin/online';
import { Servers } from '../admin/servers';
import { ApiError, api, reasonOf, streams } from '../api/client';
import type { Nodes, OnlineEditor, User } from '../api/types';
import { useRoster } from '../live/useRoster';
import { useSession } from '../session';
import { FormError } from '../ui/field';
import { Shell } from '../ui/shell';
import { useNow } from '../ui/useNow';
import { useTitle } from '../ui/useTitle';
import '../styles/admin.css';

/** How often the servers are asked for, in milliseconds; they tell each other of themselves every second or so. */
const nodesEvery = 5_000;

/** Reads the servers now and then, as long as somebody looks at the page; at once when `again` changes. */
function useNodes(again: unknown): { nodes: Nodes | null; problem: string } {
  const { leave } = useSession();
  const [nodes, setNodes] = useState<Nodes | null>(null);
  const [problem, setProblem] = useState('');

  const read = useCallback(
    async (signal: AbortSignal) => {
      try {
        setNodes(await api.nodes(signal));
        setProblem('');
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) leave();
        else setProblem(reasonOf(error));
      }
    },
    [leave],
  );

  useEffect(() => {
    const abort = new AbortController();
    const look = () => {
      if (document.visibilityState === 'visible') void read(abort.signal);
    };
    look();
    const timer = window.setInterval(look, nodesEvery);
    document.addEventListener('visibilitychange', look);
    return () => {
      abort.abort();
      window.clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [read, again]);

  return { nodes, problem };
}

function summary({ people, documents, connections }: Counts): string {
  if (connections === 0) return 'Nobody has a document open';
  const where = counted(documents, 'document', 'documents');
  return `${counted(people, 'person', 'people')} in ${where}, ${counted(connections, 'connection', 'connections')}`;
}

function Dashboard() {
  const { state, roster } = useRoster<OnlineEditor>(streams.everyone);
  const { nodes, problem } = useNodes(state.complete);
  const now = useNow(5_000) + state.ahead;
  const counts = countsOf(state.editors);
  const partial = (state.known && !state.complete) || nodes?.complete === false;

  return (
    <>
      <div className="page-head">
        <h1>Online now</h1>
        <span className="live" data-live={state.live} role="status" data-testid="live">
          <span className="live-dot" aria-hidden="true" />
          {state.live ? 'Live' : state.refused ? 'Not available' : state.known ? 'Reconnecting…' : 'Connecting…'}
        </span>
      </div>
      {partial ? (
        <p className="callout callout-warn" role="status" data-testid="partial">
          <strong>Only people connected to this server are shown right now.</strong> Redis can’t be reached, so the
          servers don’t hear who is connected to the others. Edits still reach everybody; this list is whole again by
          itself when Redis is back.
        </p>
      ) : null}
      <p className="counts" data-testid="counts">
        {state.known ? summary(counts) : 'Asking who is here…'}
      </p>
      {state.known ? (
        <OnlineList
          editors={state.editors}
          now={now}
          onEnded={(id) => {
            roster.remove(id);
          }}
        />
      ) : state.refused ? (
        <FormError>The server doesn’t tell who is online (status {state.refused}).</FormError>
      ) : null}
      <section className="servers" aria-labelledby="servers">
        <h2 id="servers">Servers</h2>
        <FormError>{problem}</FormError>
        {nodes ? <Servers nodes={nodes} now={now} /> : problem ? null : <p className="quiet">Asking the servers…</p>}
      </section>
    </>
  );
}

/** Who is online on all servers, and how these are doing; for administrators. */
export default function AdminPage({ user }: { user: User }) {
  useTitle('Admin');
  return (
    <Shell user={user} wide>
      {user.role === 'admin' ? (
        <Dashboard />
      ) : (
        <>
          <div className="page-head">
            <h1>Admin</h1>
          </div>
          <p className="quiet">Only administrators see who is online everywhere.</p>
        </>
      )}
    </Shell>
  );
}
