import type { Statistics } from '../api/types';
import { useText } from '../i18n';
import { curve, duration, size, span, type Sample } from './measure';

const width = 200;
const height = 44;
/** A curve of fewer values than this begins in the middle. */
const fewest = 12;

/** How a figure went lately, without axes: its shape is what matters. */
function Curve({ values, label }: { values: number[]; label: string }) {
  const corners = curve(values, width, height - 4, Math.max(fewest, values.length)).map(
    ([x, y]) => [x, y + 2] as const,
  );
  const first = corners[0];
  const last = corners[corners.length - 1];
  if (!first || !last) return <svg className="curve" viewBox={`0 0 ${width} ${height}`} aria-hidden="true" />;
  const line = corners.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  return (
    <svg className="curve" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path className="curve-ground" d={`${line}L${last[0].toFixed(1)} ${height}L${first[0].toFixed(1)} ${height}Z`} />
      <path className="curve-line" d={line} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

function Tile({
  name,
  value,
  more,
  alarm = '',
  values,
}: {
  name: string;
  value: string;
  more?: string;
  alarm?: string;
  values?: number[];
}) {
  const t = useText();
  return (
    <div className="tile" data-tile={name}>
      <dt>{name}</dt>
      <dd>
        <span className="tile-value">{value}</span>
        {more ? <span className="tile-more">{more}</span> : null}
        {alarm ? <span className="tile-more bad">{alarm}</span> : null}
        {values ? <Curve values={values} label={t('stats.trend', { name, value })} /> : null}
      </dd>
    </div>
  );
}

/** How the server that answers is doing: what is open, how quick the database is, how large things are. */
export function Charts({ statistics, samples }: { statistics: Statistics; samples: readonly Sample[] }) {
  const t = useText();
  const { commits, memory, database, damaged } = statistics;
  const number = new Intl.NumberFormat();
  return (
    <>
      <dl className="tiles" data-testid="statistics">
        <Tile
          name={t('stats.rooms')}
          value={number.format(statistics.rooms)}
          more={t('stats.uptime', { time: span(statistics.uptime) })}
          alarm={damaged > 0 ? t('stats.damaged', { n: damaged }) : ''}
          values={samples.map(({ rooms }) => rooms)}
        />
        <Tile
          name={t('stats.connections')}
          value={number.format(statistics.connections)}
          more={t('stats.goroutines', { n: statistics.goroutines })}
          values={samples.map(({ connections }) => connections)}
        />
        <Tile
          name={t('stats.commit')}
          value={commits.p99 > 0 ? duration(commits.p99) : '–'}
          more={commits.p50 > 0 ? t('stats.commitMedian', { time: duration(commits.p50) }) : t('stats.commitNone')}
          alarm={commits.failures > 0 ? t('stats.failures', { n: commits.failures }) : ''}
          values={samples.map(({ commit }) => commit)}
        />
        <Tile
          name={t('stats.memory')}
          value={size(memory.bytes)}
          more={t('stats.memoryHeap', { size: size(memory.heap) })}
          values={samples.map(({ memory: bytes }) => bytes)}
        />
      </dl>
      <dl className="tiles tiles-plain">
        <Tile
          name={t('stats.database')}
          value={size(database.bytes)}
          more={t('stats.logRows', { n: database.logRows })}
        />
        <Tile
          name={t('stats.documents')}
          value={number.format(statistics.documents)}
          more={t('stats.trashed', { n: statistics.trashed })}
        />
        <Tile
          name={t('stats.accounts')}
          value={number.format(statistics.users)}
          more={t('stats.guests', { n: statistics.guests })}
        />
      </dl>
    </>
  );
}
