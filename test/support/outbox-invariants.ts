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

/**
 * What handlers told that the record contradicts, in words: a run that began twice or that the record does not know, an outcome recorded for
 * a process that did not have the run, a success that no handler came to. Types of which no handler tells anything are passed over.
 */
export function outboxBreaches(
  outbox: readonly OutboxLine[],
  jobs: readonly ToldJob[],
  mayForgetClaims: boolean,
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
        breachesOfJob(job, lines.get(job.id) ?? [], mayForgetClaims).map(
          (what) => `job ${job.id} (${job.name}, ${job.status} in run ${job.run}): ${what}`,
        ),
      ),
  ];
}

function breachesOfJob(job: ToldJob, lines: readonly OutboxLine[], mayForgetClaims: boolean): string[] {
  const breaches: string[] = [];
  const runs = recordedRuns(job);
  const begins = groupedBy(
    lines.filter(({ event }) => event === 'begin'),
    ({ run }) => run,
  );
  for (const [run, began] of begins) {
    const recorded = runs.get(run);
    const isForgettable = mayForgetClaims && (recorded?.attempt ?? 1) === 1;
    if (run > job.run && !isForgettable) breaches.push(`run ${run} began, which its record does not know`);
    if (began.length > 1 && !isForgettable)
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
