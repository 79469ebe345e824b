import type { OutboxLine } from '../fixtures/workload/outbox.js';

/** A run as a job's record has it. */
interface RecordedRun {
  readonly run: number;
  readonly attempt: number;
  readonly outcome: string;
  /** Of the process whose worker it is recorded for. */
  readonly pid: number | null;
}

/** A job's record, as far as handlers can tell of it. */
export interface ToldJob {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly run: number;
  readonly attempt: number;
  readonly pid: number | null;
  readonly history: readonly RecordedRun[];
}

/** A kill of the database server, in ms since 1970 on the clock of the handlers' machine. */
export interface DatabaseCrash {
  /** Not after the kill. */
  readonly killedAt: number;
  /** Not before it took sessions again. */
  readonly backAt: number;
}

/**
 * A commit that is not waited for is written within three rounds of the WAL writer, which makes one each `wal_writer_delay` (200 ms). A crash may
 * forget what was committed that long before it; the rest is for a writer that has to wait for the processor.
 */
const UNWRITTEN_MS = 2_000;

/**
 * What handlers told that the record contradicts, in words: a run that began twice or that the record does not know, an outcome recorded for
 * a process that did not have the run, a success that no handler came to. Types of which no handler tells anything are passed over.
 *
 * A crash of the database may forget claims through fresh tickets, which charge a first attempt and are not waited for on disk. So a run of a
 * first attempt may begin again after a crash that can have forgotten its claim, and one whose every claim was forgotten may be unknown.
 */
export function outboxBreaches(
  outbox: readonly OutboxLine[],
  jobs: readonly ToldJob[],
  crashes: readonly DatabaseCrash[],
): string[] {
  const lines = groupedBy(outbox, ({ id }) => id);
  const known = new Set(jobs.map(({ id }) => id));
  const telling = new Set(jobs.filter(({ id }) => lines.has(id)).map(({ name }) => name));
  const strangers = [...lines.keys()].filter((id) => !known.has(id));
  return [
    ...strangers.map((id) => `a handler ran job ${id}, which is not there`),
    ...jobs
      .filter(({ name }) => telling.has(name))
      .flatMap((job) =>
        breachesOfJob(job, lines.get(job.id) ?? [], crashes).map(
          (what) => `job ${job.id} (${job.name}, ${job.status} in run ${job.run}): ${what}`,
        ),
      ),
  ];
}

function breachesOfJob(
  job: ToldJob,
  lines: readonly OutboxLine[],
  crashes: readonly DatabaseCrash[],
): string[] {
  const breaches: string[] = [];
  const runs = recordedRuns(job);
  const begins = groupedBy(
    lines.filter(({ event }) => event === 'begin'),
    ({ run }) => run,
  );
  for (const [run, began] of begins) {
    const recorded = runs.get(run);
    const forgetful = (recorded?.attempt ?? 1) === 1 ? crashes : [];
    if (run > job.run && !began.every((begin) => isForgotten(begin, forgetful)))
      breaches.push(`run ${run} began, which its record does not know`);
    if (!isBegunAgainAfterCrashes(began, forgetful))
      breaches.push(
        `run ${run}, attempt ${recorded?.attempt}, began ${began.length} times, in ${began.map(({ pid }) => pid).join(' and ')}; it is recorded for process ${recorded?.pid}`,
      );
    if (recorded && !began.some(({ pid }) => pid === recorded.pid))
      breaches.push(
        `run ${run} is recorded (${recorded.outcome}) for process ${recorded.pid}, and began in ${began.map(({ pid }) => pid).join(', ')}`,
      );
  }
  if (runs.get(job.run)?.outcome === 'succeeded' && !hasEnded(job, lines))
    breaches.push(`no handler of process ${job.pid} came to the end of its last run`);
  return breaches;
}

/** True when one of the crashes, before `until` where that is given, can have forgotten the claim that this begin came of. */
function isForgotten(begin: OutboxLine, crashes: readonly DatabaseCrash[], until = Infinity): boolean {
  return crashes.some(
    ({ killedAt, backAt }) => killedAt - UNWRITTEN_MS <= begin.at && begin.at <= backAt && killedAt <= until,
  );
}

/** True when between each two begins of a run there was a crash that can have forgotten the first; so of a single one. */
function isBegunAgainAfterCrashes(began: readonly OutboxLine[], crashes: readonly DatabaseCrash[]): boolean {
  const inOrder = began.toSorted((one, other) => one.at - other.at);
  return inOrder.every((begin, index) => {
    const next = inOrder[index + 1];
    return next === undefined || isForgotten(begin, crashes, next.at);
  });
}

function hasEnded(job: ToldJob, lines: readonly OutboxLine[]): boolean {
  return lines.some(({ event, run, pid }) => event === 'end' && run === job.run && pid === job.pid);
}

/** The runs of the record by number, the one under way and the succeeding one among them. */
function recordedRuns({ status, run, attempt, pid, history }: ToldJob): ReadonlyMap<number, RecordedRun> {
  const runs = new Map(history.map((entry) => [entry.run, entry]));
  const last = { run, attempt, pid, outcome: status === 'done' ? 'succeeded' : status };
  if ((status === 'done' || status === 'executing') && !runs.has(run)) runs.set(run, last);
  return runs;
}

function groupedBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
