import type { Statistics } from '../api/types';
import { languageNow, useText, type TextKey } from '../i18n';
import { fullClock } from '../ui/when';
import { curve, duration, size, span, widthOf, type Figure, type Sample } from './measure';

const width = 200;
const height = 48;
/** Room above and below a curve, for its stroke. */
const margin = 3;

const number = (n: number) => new Intl.NumberFormat(languageNow()).format(n);

/** The figures that are worth a curve, with what each is called and how it is written. */
const figures = [
  { figure: 'rooms', name: 'stats.rooms', write: number },
  { figure: 'connections', name: 'stats.connections', write: number },
  { figure: 'commit', name: 'stats.commit', write: (value: number) => (value > 0 ? duration(value) : '–') },
  { figure: 'memory', name: 'stats.memory', write: size },
  { figure: 'database', name: 'stats.database', write: size },
] as const satisfies readonly { figure: Figure; name: TextKey; write: (value: number) => string }[];

const writeOf = (figure: Figure) => figures.find((one) => one.figure === figure)?.write ?? number;

/** How a figure went lately. The first sample is a dot on its ground; from the second on there is a curve. */
function Curve({ samples, figure, label }: { samples: readonly Sample[]; figure: Figure; label: string }) {
  const t = useText();
  const long = widthOf(samples);
  const corners = curve(samples, figure, { long, width, height: height - 2 * margin }).map(
    ([x, y]) => [x, y + margin] as const,
  );
  const first = corners[0];
  const last = corners[corners.length - 1];
  if (!first || !last) return null;
  const line = corners.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  const peak = Math.max(...samples.map((sample) => sample[figure]));
  return (
    <div className="chart">
      <svg
        className="curve"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
      >
        <path className="curve-floor" d={`M0 ${height - margin}H${width}`} vectorEffect="non-scaling-stroke" />
        <path className="curve-ground" d={`${line}V${height}H${first[0].toFixed(1)}Z`} />
        <path className="curve-line" d={line} vectorEffect="non-scaling-stroke" />
        <path
          className="curve-now"
          d={`M${last[0].toFixed(1)} ${last[1].toFixed(1)}h0.01`}
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <p className="chart-scale" aria-hidden="true">
        <span>{t('stats.ago', { time: span(long / 1000) })}</span>
        <span>{t('stats.peak', { value: writeOf(figure)(peak) })}</span>
      </p>
    </div>
  );
}

function Tile({
  name,
  value,
  more,
  alarm = '',
  figure,
  samples = [],
}: {
  name: string;
  value: string;
  more?: string;
  alarm?: string;
  figure?: Figure;
  samples?: readonly Sample[];
}) {
  const t = useText();
  return (
    <div className="tile" data-tile={name}>
      <dt>{name}</dt>
      <dd>
        <span className="tile-value">{value}</span>
        {more ? <span className="tile-more">{more}</span> : null}
        {alarm ? <span className="tile-more bad">{alarm}</span> : null}
        {figure ? <Curve samples={samples} figure={figure} label={t('stats.trend', { name, value })} /> : null}
      </dd>
    </div>
  );
}

/** The same figures for whoever would rather read them, or has them read. */
function Table({ samples }: { samples: readonly Sample[] }) {
  const t = useText();
  return (
    <details className="samples" data-testid="samples">
      <summary>{t('stats.asTable')}</summary>
      <div className="table-frame" tabIndex={0} role="group" aria-label={t('stats.table')}>
        <table className="table samples-table">
          <caption className="visually-hidden">{t('stats.table')}</caption>
          <thead>
            <tr>
              <th scope="col">{t('stats.at')}</th>
              {figures.map(({ figure, name }) => (
                <th key={figure} scope="col" className="table-number">
                  {t(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...samples].reverse().map((sample) => (
              <tr key={sample.at}>
                <th scope="row">{fullClock(sample.at)}</th>
                {figures.map(({ figure, name, write }) => (
                  <td key={figure} data-label={t(name)} className="table-number">
                    {write(sample[figure])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** How the server that answers is doing, in figures and as they went in the last minutes. */
export function Charts({ statistics, samples }: { statistics: Statistics; samples: readonly Sample[] }) {
  const t = useText();
  const { commits, memory, database, damaged } = statistics;
  return (
    <section className="block" aria-labelledby="server">
      <h2 id="server" className="visually-hidden">
        {t('stats.title')}
      </h2>
      <dl className="tiles" data-testid="statistics">
        <Tile
          name={t('stats.rooms')}
          value={number(statistics.rooms)}
          more={t('count.connections', { n: statistics.connections })}
          alarm={damaged > 0 ? t('stats.damaged', { n: damaged }) : ''}
          figure="rooms"
          samples={samples}
        />
        <Tile
          name={t('stats.commit')}
          value={commits.p99 > 0 ? duration(commits.p99) : '–'}
          more={commits.p50 > 0 ? t('stats.commitMedian', { time: duration(commits.p50) }) : t('stats.commitNone')}
          alarm={commits.failures > 0 ? t('stats.failures', { n: commits.failures }) : ''}
          figure="commit"
          samples={samples}
        />
        <Tile
          name={t('stats.memory')}
          value={size(memory.bytes)}
          more={t('stats.memoryHeap', { size: size(memory.heap) })}
          figure="memory"
          samples={samples}
        />
        <Tile
          name={t('stats.database')}
          value={size(database.bytes)}
          more={t('stats.logRows', { n: database.logRows })}
          figure="database"
          samples={samples}
        />
      </dl>
      <dl className="tiles tiles-plain">
        <Tile
          name={t('stats.documents')}
          value={number(statistics.documents)}
          more={t('stats.trashed', { n: statistics.trashed })}
        />
        <Tile
          name={t('stats.accounts')}
          value={number(statistics.users)}
          more={t('stats.guests', { n: statistics.guests })}
        />
        <Tile
          name={t('stats.running')}
          value={span(statistics.uptime)}
          more={t('stats.goroutines', { n: statistics.goroutines })}
        />
      </dl>
      <Table samples={samples} />
    </section>
  );
}
