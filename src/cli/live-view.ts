import type { AttentionAnswer, QueueAnswer, TotalsAnswer, WorkerAnswer } from './api-answers.js';
import { table } from './table.js';
import type { Colour } from './terminal.js';

/** What the live view shows, as the server answered it. */
export interface Overview {
  readonly totals: TotalsAnswer;
  readonly attention: readonly AttentionAnswer[];
  readonly queues: readonly QueueAnswer[];
  readonly workers: readonly WorkerAnswer[];
}

export interface ViewFrame {
  /** Which server, and when it was asked. */
  readonly head: string;
  /** What is wrong with the view itself, as that the server is away; empty for nothing. */
  readonly trouble: string;
  /** Lines there is room for. */
  readonly rows: number;
  readonly paint: (colour: Colour, text: string) => string;
}

/** More causes than these would push the queues off the screen. */
const MOST_CAUSES = 5;
/** Rows kept for queues and workers however small the screen is. */
const FEWEST = 3;

const STATES = ['waiting', 'executing', 'done', 'failed', 'canceled'] as const;

/** The lines of the live view: what needs attention, then the queues, busiest first, then the workers. */
export function liveView(
  { totals, attention, queues, workers }: Overview,
  { head, trouble, rows, paint }: ViewFrame,
): string[] {
  const top = [
    paint('bold', head),
    STATES.map((state) => `${state} ${totals[state]}`).join('  '),
    ...(trouble === '' ? [] : [paint('red', trouble)]),
    '',
    ...causeLines(attention, paint),
    '',
  ];
  const room = Math.max(2 * FEWEST, rows - top.length - 3);
  const shares = sharesOf(room, queues.length, workers.length);
  return [
    ...top,
    ...tableOf(QUEUE_HEADINGS, queues.toSorted(byLoad).map(queueRow), shares.queues, 'queues', paint),
    '',
    ...tableOf(WORKER_HEADINGS, workers.map(workerRow), shares.workers, 'workers', paint),
  ];
}

function causeLines(causes: readonly AttentionAnswer[], paint: ViewFrame['paint']): string[] {
  if (causes.length === 0) return [paint('green', 'nothing needs attention')];
  const more = causes.length - MOST_CAUSES;
  return [
    ...causes
      .slice(0, MOST_CAUSES)
      .map(({ severity, title }) =>
        paint(
          severity === 'critical' ? 'red' : 'yellow',
          `${severity === 'critical' ? '!!' : ' !'} ${title}`,
        ),
      ),
    ...(more > 0 ? [`   and ${more} more: rookery doctor`] : []),
  ];
}

/** Lines for each of two lists: what one does not need, the other has. */
function sharesOf(
  room: number,
  queues: number,
  workers: number,
): { readonly queues: number; readonly workers: number } {
  const forQueues = Math.min(queues, Math.max(Math.floor(room / 2), room - workers));
  return { queues: forQueues, workers: room - forQueues };
}

const QUEUE_HEADINGS = [
  'QUEUE',
  'STATE',
  'WAITING',
  'OLDEST',
  'EXECUTING',
  'IN/MIN',
  'DONE/MIN',
  'FAILED/MIN',
];

function queueRow(queue: QueueAnswer): string[] {
  const { name, paused, waiting, oldestWaitingMs, executing, perMinute } = queue;
  return [
    name,
    paused ? 'paused' : 'runs',
    String(waiting),
    oldestWaitingMs === null ? '' : `${(oldestWaitingMs / 1000).toFixed(1)} s`,
    String(executing),
    String(perMinute.enqueued),
    String(perMinute.done),
    String(perMinute.failed),
  ];
}

function byLoad(a: QueueAnswer, b: QueueAnswer): number {
  return b.waiting - a.waiting || b.executing - a.executing || a.name.localeCompare(b.name);
}

const WORKER_HEADINGS = ['WORKER', 'ENTRY', 'STATE', 'BUSY', 'STUCK', 'QUEUES'];

function workerRow({ host, pid, entry, draining, busy, slots, stuck, queues }: WorkerAnswer): string[] {
  return [
    `${host}:${pid}`,
    entry,
    draining ? 'drains' : 'runs',
    `${busy}/${slots}`,
    String(stuck),
    queues.join(','),
  ];
}

function tableOf(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  room: number,
  what: string,
  paint: ViewFrame['paint'],
): string[] {
  if (rows.length === 0) return [paint('dim', `no ${what}`)];
  const shown = rows.length <= room ? rows : rows.slice(0, room - 1);
  const [heading = '', ...lines] = table(headings, shown, (cell) =>
    cell === 'paused' || cell === 'drains' ? paint('yellow', cell) : cell,
  );
  const more = rows.length - shown.length;
  return [paint('dim', heading), ...lines, ...(more > 0 ? [paint('dim', `and ${more} more ${what}`)] : [])];
}
