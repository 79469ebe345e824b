import { formatDuration } from '../kernel/durations.js';
import type { JobAnswer } from './api-answers.js';
import { table } from './table.js';
import type { Colour, Terminal } from './terminal.js';

/** Ids, states and what else tells jobs apart, a line each. */
export function jobTable(jobs: readonly JobAnswer[], terminal: Terminal): string[] {
  const rows = jobs.map((job) => [
    job.id,
    job.status,
    job.name,
    job.queue,
    `${job.attempt}/${job.maxAttempts}`,
    job.createdAt,
    job.objectId ?? '',
  ]);
  const headings = ['ID', 'STATUS', 'NAME', 'QUEUE', 'ATTEMPT', 'CREATED', 'OBJECT'];
  return table(headings, rows, (cell, column) =>
    column === 1 ? terminal.paint(statusColour(cell), cell) : cell,
  );
}

/** Everything that is known of a job, a line each; what is not set is left out. */
export function jobLines(job: JobAnswer, terminal: Terminal): string[] {
  const facts: [string, string | null | undefined][] = [
    ['id', job.id],
    ['name', job.name],
    ['queue', `${job.queue} (${job.lane})`],
    ['status', terminal.paint(statusColour(job.status), job.status)],
    ['attempt', `${job.attempt} of ${job.maxAttempts}`],
    ['object', job.objectId],
    ['batch', job.batchId],
    ['repeats', job.retryOf],
    ['timeout', timeoutText(job)],
    ['worker', job.workerId],
    ['created', job.createdAt],
    ['due', job.dueAt],
    ['started', job.startedAt],
    ['cancel', cancelText(job)],
    ['finished', job.finishedAt],
    ['progress', progressText(job)],
    ['payload', JSON.stringify(job.payload)],
    ['result', job.status === 'done' ? JSON.stringify(job.result) : undefined],
  ];
  const lines = facts.flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [`${name.padEnd(8)}  ${value}`],
  );
  return [...lines, ...historyLines(job)];
}

/** How far a run is: `40 % resizing`; undefined when it has not said. */
export function progressText({ progress }: JobAnswer): string | undefined {
  if (!progress) return undefined;
  return `${Math.round(progress.fraction * 100)} % ${progress.note ?? ''}`.trimEnd();
}

function cancelText({ status, cancelRequestedAt }: JobAnswer): string | undefined {
  if (cancelRequestedAt === null) return undefined;
  return `asked for at ${cancelRequestedAt}${status === 'executing' ? '; its handler has been told to stop' : ''}`;
}

function timeoutText({ timeoutMs }: JobAnswer): string | undefined {
  if (timeoutMs === null) return undefined;
  return timeoutMs === 0 ? 'none' : formatDuration(timeoutMs);
}

/** The error of the last run that ended badly, its first line. */
export function lastError({ history }: JobAnswer): string | undefined {
  return firstLine(history.at(-1)?.error?.message);
}

/** One colour a state: green for good, red for bad, cyan for at work. */
export function statusColour(status: string): Colour {
  switch (status) {
    case 'done':
      return 'green';
    case 'failed':
      return 'red';
    case 'executing':
      return 'cyan';
    default:
      return 'yellow';
  }
}

function historyLines({ history }: JobAnswer): string[] {
  if (history.length === 0) return [];
  return [
    'history',
    ...history.map(({ run, outcome, endedAt, error }) => {
      const reason = firstLine(error?.message);
      return `  run ${run}  ${endedAt}  ${outcome}${reason === undefined ? '' : `: ${reason}`}`;
    }),
  ];
}

function firstLine(text: string | undefined): string | undefined {
  return text?.split('\n', 1)[0];
}
