import { useCallback, useEffect, useState } from 'react';
import { Charts } from '../admin/charts';
import { sampleOf, storeSamples, storedSamples, withSample, type Sample } from '../admin/measure';
import { OnlineList } from '../admin/onlineList';
import { countsOf, type Counts } from '../admin/online';
import { Servers } from '../admin/servers';
import { ApiError, api, reasonOf, streams } from '../api/client';
import type { Nodes, OnlineEditor, Statistics, User } from '../api/types';
import { useText, type Translate } from '../i18n';
import { useRoster } from '../live/useRoster';
import { useSession } from '../session';
import { FormError } from '../ui/field';
import { Shell } from '../ui/shell';
import { useNow } from '../ui/useNow';
import { useTitle } from '../ui/useTitle';
import '../styles/documents.css';
import '../styles/admin.css';

/** How often the servers are asked for, in milliseconds; they tell each other of themselves every second or so. */
const every = 5_000;
/** How soon they are asked for the second time: of one sample there is no curve. */
const soon = 1_500;
interface Health {
  nodes: Nodes | null;
  statistics: Statistics | null;
  samples: Sample[];
  problem: string;
}

/** Reads how the servers are now and then, as long as somebody looks at the page; at once when `again` changes. */
function useHealth(again: unknown): Health {
  const { leave } = useSession();
  const [health, setHealth] = useState<Health>({ nodes: null, statistics: null, samples: [], problem: '' });

  const read = useCallback(
    async (signal: AbortSignal) => {
      try {
        const [nodes, statistics] = await Promise.all([api.nodes(signal), api.statistics(signal)]);
        const now = Date.now();
        const samples = withSample(storedSamples(statistics.node, now), sampleOf(statistics, now));
        storeSamples(statistics.node, samples);
        setHealth({ nodes, statistics, samples, problem: '' });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status === 401) leave();
        else setHealth((before) => ({ ...before, problem: reasonOf(error) }));
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
    const second = window.setTimeout(look, soon);
    const timer = window.setInterval(look, every);
    document.addEventListener('visibilitychange', look);
    return () => {
      abort.abort();
      window.clearTimeout(second);
      window.clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [read, again]);

  return health;
}

function summary(t: Translate, { people, documents, connections }: Counts): string {
  if (connections === 0) return t('admin.nobody');
  return t('admin.summary', {
    people: t('count.people', { n: people }),
    documents: t('count.documents', { n: documents }),
    connections: t('count.connections', { n: connections }),
  });
}

function Dashboard() {
  const t = useText();
  const { state, roster } = useRoster<OnlineEditor>(streams.everyone);
  const { nodes, statistics, samples, problem } = useHealth(state.complete);
  const now = useNow(5_000) + state.ahead;
  const counts = countsOf(state.editors);
  const partial = (state.known && !state.complete) || nodes?.complete === false;
  const liveness = state.live
    ? 'admin.live'
    : state.refused
      ? 'admin.refused'
      : state.known
        ? 'admin.reconnecting'
        : 'admin.connecting';

  return (
    <>
      <div className="page-head">
        <h1>{t('admin.title')}</h1>
        <span className="live" data-live={state.live} role="status" data-testid="live">
          <span className="live-dot" aria-hidden="true" />
          {t(liveness)}
        </span>
      </div>
      {statistics ? (
        <Charts statistics={statistics} samples={samples} />
      ) : problem ? null : (
        <p className="quiet">{t('admin.askingServers')}</p>
      )}
      {partial ? (
        <p className="callout callout-warn" role="status" data-testid="partial">
          <strong>{t('admin.partial')}</strong> {t('admin.partialText')}
        </p>
      ) : null}
      <section className="block" aria-labelledby="online">
        <div>
          <h2 id="online">{t('admin.online')}</h2>
          <p className="counts" data-testid="counts">
            {state.known ? summary(t, counts) : t('admin.asking')}
          </p>
        </div>
        {state.known ? (
          <OnlineList
            editors={state.editors}
            now={now}
            onEnded={(id) => {
              roster.remove(id);
            }}
          />
        ) : state.refused ? (
          <FormError>{t('admin.notTold', { status: String(state.refused) })}</FormError>
        ) : null}
      </section>
      <section className="block" aria-labelledby="servers">
        <h2 id="servers">{t('admin.servers')}</h2>
        <FormError>{problem && t('stats.failed', { reason: problem })}</FormError>
        {nodes ? (
          <Servers nodes={nodes} now={now} />
        ) : problem ? null : (
          <p className="quiet">{t('admin.askingServers')}</p>
        )}
      </section>
    </>
  );
}

/** Who is online on all servers, and how these are doing; for administrators. */
export default function AdminPage({ user }: { user: User }) {
  const t = useText();
  useTitle(t('admin.title'));
  return (
    <Shell user={user} wide>
      {user.role === 'admin' ? (
        <Dashboard />
      ) : (
        <>
          <div className="page-head">
            <h1>{t('admin.title')}</h1>
          </div>
          <p className="quiet">{t('admin.forbidden')}</p>
        </>
      )}
    </Shell>
  );
}
