import type { Nodes } from '../api/types';
import { lasting } from './online';

const databaseNames: Record<string, string> = { postgres: 'PostgreSQL', sqlite: 'SQLite' };

const redisWords: Record<string, { text: string; tone: 'good' | 'bad' | 'none' }> = {
  ok: { text: 'Connected', tone: 'good' },
  unavailable: { text: 'Not reachable', tone: 'bad' },
  none: { text: 'Not used', tone: 'none' },
};

function State({ name, text, tone }: { name: string; text: string; tone: 'good' | 'bad' | 'none' }) {
  return (
    <div className="state" data-tone={tone} data-testid={`state-${name.toLowerCase()}`}>
      <dt>{name}</dt>
      <dd>
        <span className="state-dot" aria-hidden="true" />
        {text}
      </dd>
    </div>
  );
}

/** The running servers, and how what they share is doing. */
export function Servers({ nodes, now }: { nodes: Nodes; now: number }) {
  const database = databaseNames[nodes.database.kind] ?? nodes.database.kind;
  const healthy = nodes.database.status === 'ok';
  const redis = redisWords[nodes.redis.status] ?? { text: nodes.redis.status, tone: 'bad' };
  return (
    <>
      <dl className="states">
        <State
          name="Database"
          text={healthy ? `${database}, connected` : `${database}, not reachable`}
          tone={healthy ? 'good' : 'bad'}
        />
        <State name="Redis" {...redis} />
      </dl>
      <div className="table-frame">
        <table className="table" data-testid="nodes">
          <thead>
            <tr>
              <th scope="col">Server</th>
              <th scope="col">Version</th>
              <th scope="col" className="table-number">
                Up for
              </th>
              <th scope="col" className="table-number">
                Connections
              </th>
              <th scope="col" className="table-number">
                Documents
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.data.map((node) => (
              <tr key={node.id} data-self={node.self}>
                <th scope="row">
                  <code>{node.name}</code>
                  {node.self ? (
                    <span className="tag" title="This server answers you right now">
                      answers you
                    </span>
                  ) : null}
                </th>
                <td data-label="Version">{node.version}</td>
                <td data-label="Up for" className="table-number" title={new Date(node.startedAt).toLocaleString()}>
                  {lasting(node.startedAt, now)}
                </td>
                <td data-label="Connections" className="table-number">
                  {node.connections}
                </td>
                <td data-label="Documents" className="table-number">
                  {node.documents}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
