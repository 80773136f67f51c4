import type { Nodes } from '../api/types';
import { useText } from '../i18n';
import { fullTime } from '../ui/when';
import { lasting } from './online';

const databaseNames: Record<string, string> = { postgres: 'PostgreSQL', sqlite: 'SQLite' };

const redisWords = {
  ok: { text: 'admin.redisOk', tone: 'good' },
  unavailable: { text: 'admin.redisDown', tone: 'bad' },
  none: { text: 'admin.redisNone', tone: 'none' },
} as const;

function State({ id, name, text, tone }: { id: string; name: string; text: string; tone: 'good' | 'bad' | 'none' }) {
  return (
    <div className="state" data-tone={tone} data-testid={`state-${id}`}>
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
  const t = useText();
  const database = databaseNames[nodes.database.kind] ?? nodes.database.kind;
  const healthy = nodes.database.status === 'ok';
  const redis = redisWords[nodes.redis.status];
  return (
    <>
      <dl className="states">
        <State
          id="database"
          name={t('admin.database')}
          text={healthy ? t('admin.databaseUp', { name: database }) : t('admin.databaseDown', { name: database })}
          tone={healthy ? 'good' : 'bad'}
        />
        <State id="redis" name="Redis" text={t(redis.text)} tone={redis.tone} />
      </dl>
      <div className="table-frame">
        <table className="table" data-testid="nodes">
          <thead>
            <tr>
              <th scope="col">{t('admin.server')}</th>
              <th scope="col">{t('admin.version')}</th>
              <th scope="col" className="table-number">
                {t('admin.upFor')}
              </th>
              <th scope="col" className="table-number">
                {t('admin.connections')}
              </th>
              <th scope="col" className="table-number">
                {t('admin.documents')}
              </th>
            </tr>
          </thead>
          <tbody>
            {nodes.data.map((node) => (
              <tr key={node.id} data-self={node.self}>
                <th scope="row">
                  <code>{node.name}</code>
                  {node.self ? (
                    <span className="tag" title={t('admin.answersTitle')}>
                      {t('admin.answers')}
                    </span>
                  ) : null}
                </th>
                <td data-label={t('admin.version')}>{node.version}</td>
                <td data-label={t('admin.upFor')} className="table-number" title={fullTime(node.startedAt)}>
                  {lasting(node.startedAt, now)}
                </td>
                <td data-label={t('admin.connections')} className="table-number">
                  {node.connections}
                </td>
                <td data-label={t('admin.documents')} className="table-number">
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
