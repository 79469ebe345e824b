import { useState, type PointerEvent, type ReactElement } from 'react';
import type { QueueHistory } from '../api/types.js';
import { countText, countedText } from '../text/count-text.js';
import { minuteText } from '../text/minute-text.js';

const MINUTE_MS = 60_000;
/** Of a bar's place, what it leaves free. */
const GAP = 0.25;

/** From this height on there is room to say what the height means. */
const TALL = 60;

type Series = Pick<QueueHistory, 'enqueued' | 'done' | 'failed'>;

/**
 * The last hour as a bar a minute: failed at the bottom, where few are seen, done on top of it, what was enqueued as a line. Drawn here: sixty bars need no library, and
 * these take their colours from the theme. Its label tells the same to who cannot see it.
 */
export function MinuteChart({
  series,
  from,
  height = 44,
}: {
  readonly series: Series;
  readonly from: string;
  readonly height?: number;
}): ReactElement {
  const [hovered, setHovered] = useState<number>();
  const { enqueued, done, failed } = series;
  const count = done.length;
  const peak = Math.max(1, ...enqueued, ...done.map((value, index) => value + (failed[index] ?? 0)));
  const y = (value: number): number => height - (value / peak) * (height - 2);
  const findHovered = ({ currentTarget, clientX }: PointerEvent<SVGSVGElement>): void => {
    const { left, width } = currentTarget.getBoundingClientRect();
    setHovered(Math.min(count - 1, Math.max(0, Math.floor(((clientX - left) / width) * count))));
  };
  return (
    <div className="chart">
      <svg
        viewBox={`0 0 ${count} ${height}`}
        preserveAspectRatio="none"
        height={height}
        width="100%"
        role="img"
        aria-label={labelOf(series)}
        onPointerMove={findHovered}
        onPointerLeave={() => setHovered(undefined)}
      >
        <line className="chart-floor" x1={0} x2={count} y1={height} y2={height} />
        {hovered !== undefined && (
          <rect className="chart-cursor" x={hovered} y={0} width={1} height={height} />
        )}
        <path className="chart-done" d={bars(done, (index) => failed[index] ?? 0, y)} />
        <path className="chart-failed" d={bars(failed, () => 0, y)} />
        <polyline
          className="chart-enqueued"
          points={enqueued
            // The minute that runs has not had its jobs yet, and would look like a fall.
            .slice(0, -1)
            .map((value, index) => `${index + 0.5},${y(value)}`)
            .join(' ')}
        />
      </svg>
      {height >= TALL && (
        <div className="chart-scale" aria-hidden="true">
          <span>{countText(count)} min ago</span>
          <span>at most {countText(peak)} a minute</span>
          <span>now</span>
        </div>
      )}
      {hovered !== undefined && (
        <div
          className="chart-tip"
          data-side={hovered > count / 2 ? 'left' : 'right'}
          style={{ left: `${((hovered + 0.5) / count) * 100}%` }}
        >
          <strong>{minuteText(Date.parse(from) + hovered * MINUTE_MS)}</strong>
          <span className="tip-done">{countText(done[hovered] ?? 0)} done</span>
          <span className="tip-failed">{countText(failed[hovered] ?? 0)} failed</span>
          <span className="tip-enqueued">{countText(enqueued[hovered] ?? 0)} enqueued</span>
        </div>
      )}
    </div>
  );
}

/** One path of all bars, each standing on what `base` says. */
function bars(
  values: readonly number[],
  base: (index: number) => number,
  y: (value: number) => number,
): string {
  return values
    .map((value, index) => {
      if (value === 0) return '';
      const bottom = y(base(index));
      // A single job beside a thousand is still seen.
      const top = Math.min(y(base(index) + value), bottom - 1.5);
      return `M${index + GAP / 2} ${bottom}V${top}H${index + 1 - GAP / 2}V${bottom}z`;
    })
    .join('');
}

function labelOf({ enqueued, done, failed }: Series): string {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return `In the last ${countedText(done.length, 'minute')}: ${sum(enqueued)} enqueued, ${sum(done)} done, ${sum(failed)} failed; at most ${Math.max(0, ...done)} done in a minute.`;
}
