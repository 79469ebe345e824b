/** What a process was seen to hold at one moment, and how it answered since the sample before. */
export interface Sample {
  readonly atMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly files: number;
  /** Sessions of its database server, by the server's own list. */
  readonly connections: number;
  /** Sessions that its pools say are open. */
  readonly sessions: number;
  /** Medians in ms, of requests that make one job and of jobs from the request to their end; NaN when there was none. */
  readonly answerMs: number;
  readonly endMs: number;
}

/** A straight line through points, by least squares. */
export interface Line {
  readonly perHour: number;
  /** The standard error of `perHour`. */
  readonly error: number;
}

/** What is known of a soak besides its samples. */
export interface SoakTimes {
  /** Samples before this are not judged: code is compiled and pools are filled at first. */
  readonly warmUpMs: number;
  /** So long that each window holds a full garbage collection's low, or nearly. */
  readonly windowMs: number;
}

/** What a soak came to. */
export interface SoakFigures {
  readonly heap: Line;
  readonly rss: Line;
  readonly files: Ends;
  readonly connections: Ends;
  readonly sessions: Ends;
  readonly answerMs: Ends;
  readonly endMs: Ends;
}

/** A value over the first quarter of what is judged, and over the last. */
export interface Ends {
  readonly first: number;
  readonly last: number;
}

interface Point {
  readonly atMs: number;
  readonly value: number;
}

const HOUR_MS = 3_600_000;
const MB = 1_000_000;

/**
 * Eight bytes, one pointer, kept of each of 1,000 jobs a second come to 29 MB an hour; whoever keeps a job's id keeps several times that.
 */
export const HEAP_MB_PER_HOUR = 30;
/** The allocator gives pages back late and in large pieces, so twice what the heap may. */
export const RSS_MB_PER_HOUR = 60;
/** What is known so badly that it may grow by this many times its bound is not known to hold still. */
export const DOUBT_FACTOR = 2;
/** Pools and clients may each be one session further than they were. One kept of each minute is far more. */
export const SPARE_HANDLES = 3;
/** The table has grown and the machine may have other work. What looks at every job there is becomes slower by far more. */
export const SLOWER_FACTOR = 2;

/** The figures of a process's `GET /metrics`; throws when one is missing. */
export function heldBy(metrics: string): Pick<Sample, 'rssBytes' | 'heapBytes' | 'files' | 'sessions'> {
  const sum = (name: string, label = ''): number => {
    const lines = metrics.split('\n').filter((line) => nameOf(line) === name && line.includes(label));
    if (lines.length === 0) throw new Error(`no ${name} among the metrics`);
    return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  };
  return {
    rssBytes: sum('process_resident_memory_bytes'),
    heapBytes: sum('nodejs_heap_size_used_bytes'),
    files: sum('process_open_fds'),
    sessions: sum('rookery_pool_sessions', 'state="open"'),
  };
}

/** The least value of each window: what is left of a heap right after its garbage was collected. */
export function lowsOf(points: readonly Point[], windowMs: number): Point[] {
  const lows = new Map<number, Point>();
  for (const point of points) {
    const window = Math.floor(point.atMs / windowMs);
    const low = lows.get(window);
    if (!low || point.value < low.value) lows.set(window, point);
  }
  return [...lows.values()];
}

/** The line with the least squares of distances; throws with fewer than three points, which have no error. */
export function lineThrough(points: readonly Point[]): Line {
  if (points.length < 3) throw new Error(`${points.length} points are too few for a line`);
  const meanAt = mean(points.map(({ atMs }) => atMs));
  const meanValue = mean(points.map(({ value }) => value));
  const spread = sum(points.map(({ atMs }) => (atMs - meanAt) ** 2));
  const slope = sum(points.map(({ atMs, value }) => (atMs - meanAt) * (value - meanValue))) / spread;
  const rest = sum(points.map(({ atMs, value }) => (value - meanValue - slope * (atMs - meanAt)) ** 2));
  const error = Math.sqrt(rest / (points.length - 2) / spread);
  return { perHour: slope * HOUR_MS, error: error * HOUR_MS };
}

/** The figures of what came after the warm-up. */
export function figuresOf(samples: readonly Sample[], { warmUpMs, windowMs }: SoakTimes): SoakFigures {
  const judged = samples.filter(({ atMs }) => atMs >= warmUpMs);
  const lowLine = (of: (sample: Sample) => number): Line =>
    lineThrough(
      lowsOf(
        judged.map((sample) => ({ atMs: sample.atMs, value: of(sample) })),
        windowMs,
      ),
    );
  const quarter = Math.ceil(judged.length / 4);
  const ends = (of: (sample: Sample) => number): Ends => ({
    first: middle(judged.slice(0, quarter).map(of)),
    last: middle(judged.slice(-quarter).map(of)),
  });
  return {
    heap: lowLine(({ heapBytes }) => heapBytes / MB),
    rss: lowLine(({ rssBytes }) => rssBytes / MB),
    files: ends(({ files }) => files),
    connections: ends(({ connections }) => connections),
    sessions: ends(({ sessions }) => sessions),
    answerMs: ends(({ answerMs }) => answerMs),
    endMs: ends(({ endMs }) => endMs),
  };
}

/**
 * What a process must not do however long it runs, a sentence each; empty when it does none of it. Memory is reported when it grows by more
 * than the bound even on the flattest line within two standard errors, so that noise is not taken for a leak; and when the steepest of
 * these lines is beyond twice the bound, for then noise may hide one.
 */
export function complaintsOf(figures: SoakFigures): string[] {
  const growth = (what: string, { perHour, error }: Line, bound: number): string[] => {
    const told = `${perHour.toFixed(1)} ± ${error.toFixed(1)} MB an hour`;
    const steepest = perHour + 2 * error;
    if (perHour - 2 * error > bound) return [`${what} grows by ${told}, more than ${bound}`];
    if (Number.isFinite(steepest) && steepest <= DOUBT_FACTOR * bound) return [];
    return [
      `${what}: ${told} does not tell whether it grows by more than ${DOUBT_FACTOR * bound}; let it run longer, or on a quieter machine`,
    ];
  };
  const more = (what: string, { first, last }: Ends): string[] =>
    last <= first + SPARE_HANDLES ? [] : [`${what}: ${first} at first and ${last} at last`];
  const slower = (what: string, { first, last }: Ends): string[] =>
    last <= first * SLOWER_FACTOR
      ? []
      : [`${what} took ${first.toFixed(1)} ms at first and ${last.toFixed(1)} ms at last`];
  return [
    ...growth('the heap', figures.heap, HEAP_MB_PER_HOUR),
    ...growth('the resident memory', figures.rss, RSS_MB_PER_HOUR),
    ...more('open files', figures.files),
    ...more('connections', figures.connections),
    ...more('sessions of pools', figures.sessions),
    ...slower('a request', figures.answerMs),
    ...slower('a job', figures.endMs),
  ];
}

/** The middle value of those that are numbers, the upper of two; NaN of none. */
export function middle(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function nameOf(line: string): string | undefined {
  return /^[a-z_]+/.exec(line)?.[0];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
