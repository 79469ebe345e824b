/**
 * What an operator should look at first, told from what the counters, leases and queues say. Pure: the facts are arguments. One cause is
 * told once: jobs that are old because their queue is paused, or because nobody runs their types, are not told again as old.
 */

/** The kinds of trouble, worst first. */
export const attentionCodes = [
  'no_worker',
  'unserved_type',
  'stuck_slots',
  'failure_spike',
  'old_job',
  'lost_worker',
  'transport_away',
  'queue_paused',
] as const;
export type AttentionCode = (typeof attentionCodes)[number];

/** One thing to look at. */
export interface AttentionItem {
  readonly code: AttentionCode;
  /** `critical`: jobs wait or fail that should not. `warning`: they may soon, or somebody meant it so. */
  readonly severity: 'critical' | 'warning';
  /** What is wrong, in a line. */
  readonly title: string;
  /** What that means, and what to do. */
  readonly detail: string;
  readonly queue: string | null;
  /** The job type. */
  readonly name: string | null;
  readonly workerId: string | null;
  /** Since when, where that is known. */
  readonly since: string | null;
}

/** What is known, of a moment. Flows are one number a minute, oldest first. */
export interface AttentionFacts {
  readonly nowMs: number;
  readonly queues: readonly {
    readonly name: string;
    readonly pausedAt: string | null;
    readonly waiting: number;
    readonly oldestWaitingMs: number | null;
  }[];
  readonly flows: readonly {
    readonly name: string;
    readonly done: readonly number[];
    readonly failed: readonly number[];
  }[];
  readonly unserved: readonly { readonly name: string; readonly queue: string; readonly waiting: number }[];
  readonly workers: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly slots: number;
    readonly stuck: number;
  }[];
  readonly lost: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly lostAt: string;
  }[];
  /** False while the process that answers cannot reach its transport. */
  readonly isTransportThere: boolean;
}

/** A job that waits this long while its queue runs is worth a look; what waits less is a backlog being worked off. */
const OLD_MS = 5 * 60_000;

/** The minutes judged as "now", and how much of what ended in them must have failed. */
const SPIKE_MINUTES = 5;
const SPIKE_SHARE = 0.1;
/** Fewer failures are no spike, whatever their share. */
const SPIKE_FAILURES = 5;
/** And the share has to be this many times that of the hour's quieter minutes: a queue that always fails a little is not news. */
const SPIKE_RISE = 3;
/** But where as many fail it is told for as long as it goes on, although the whole hour may be like that by then. */
const ALWAYS_TOLD_SHARE = 0.5;

/** Everything that is wrong, worst first. */
export function attentionOf(facts: AttentionFacts): AttentionItem[] {
  const items = [
    ...unserved(facts),
    ...stuckSlots(facts),
    ...failureSpikes(facts),
    ...oldJobs(facts),
    ...lostWorkers(facts),
    ...transportAway(facts),
    ...pausedQueues(facts),
  ];
  const rank = ({ severity, code }: AttentionItem): number =>
    (severity === 'critical' ? 0 : attentionCodes.length) + attentionCodes.indexOf(code);
  return items.sort((a, b) => rank(a) - rank(b));
}

type Told = Pick<AttentionItem, 'code' | 'severity' | 'title' | 'detail'> & Partial<AttentionItem>;

const item = (told: Told): AttentionItem => ({
  queue: null,
  name: null,
  workerId: null,
  since: null,
  ...told,
});

function unserved({ unserved: types, workers }: AttentionFacts): AttentionItem[] {
  const waiting = types.filter((type) => type.waiting > 0);
  if (waiting.length === 0) return [];
  if (workers.length === 0) {
    const jobs = waiting.reduce((sum, type) => sum + type.waiting, 0);
    return [
      item({
        code: 'no_worker',
        severity: 'critical',
        title: `No worker is alive; ${counted(jobs, 'job waits', 'jobs wait')}`,
        detail: 'Start one: npm start -- --entry worker. They run as soon as it is there; nothing is lost.',
      }),
    ];
  }
  return waiting.map(({ name, queue, waiting: jobs }) =>
    item({
      code: 'unserved_type',
      severity: 'critical',
      title: `No worker serves ${name}; ${counted(jobs, 'job waits', 'jobs wait')}`,
      detail: `Start a worker whose code has a handler for ${name} and that takes the queue ${queue}.`,
      name,
      queue,
    }),
  );
}

function stuckSlots({ workers }: AttentionFacts): AttentionItem[] {
  return workers
    .filter((worker) => worker.stuck > 0)
    .map(({ id, host, pid, slots, stuck }) =>
      item({
        code: 'stuck_slots',
        severity: stuck * 2 >= slots ? 'critical' : 'warning',
        title: `${counted(stuck, 'slot is', 'slots are')} stuck on ${host} (pid ${pid})`,
        detail: `Their runs were settled, but the handlers ignore their signal and go on; ${stuck} of ${slots} slots are lost until they end. Drain the worker and start it anew.`,
        workerId: id,
      }),
    );
}

function failureSpikes({ flows }: AttentionFacts): AttentionItem[] {
  return flows.flatMap(({ name, done, failed }) => {
    const failures = sum(failed.slice(-SPIKE_MINUTES));
    const share = shareOf(failures, sum(done.slice(-SPIKE_MINUTES)));
    const usual = quietShare(failed.slice(0, -SPIKE_MINUTES), done.slice(0, -SPIKE_MINUTES));
    const isNews = share >= SPIKE_SHARE && share >= usual * SPIKE_RISE;
    if (failures < SPIKE_FAILURES || (!isNews && share < ALWAYS_TOLD_SHARE)) return [];
    return [
      item({
        code: 'failure_spike',
        severity: 'critical',
        title: `${percent(share)} of the jobs in ${name} failed in the last ${SPIKE_MINUTES} minutes`,
        detail: `${counted(failures, 'job', 'jobs')} failed for good; in the quieter minutes of the hour before it was ${percent(usual)}. Look at their errors; retry them once the cause is gone.`,
        queue: name,
      }),
    ];
  });
}

/** The share that failed in the quieter minutes: what a quarter of the stretches in which jobs ended stay below, so that an outage does not become the measure of itself. */
function quietShare(failed: readonly number[], done: readonly number[]): number {
  const shares: number[] = [];
  for (let end = failed.length; end > 0; end -= SPIKE_MINUTES) {
    const from = Math.max(0, end - SPIKE_MINUTES);
    const [bad, good] = [sum(failed.slice(from, end)), sum(done.slice(from, end))];
    if (bad + good > 0) shares.push(shareOf(bad, good));
  }
  return shares.sort((a, b) => a - b)[Math.floor(shares.length / 4)] ?? 0;
}

function oldJobs({ queues, unserved: types, nowMs }: AttentionFacts): AttentionItem[] {
  return queues.flatMap(({ name, pausedAt, waiting, oldestWaitingMs }) => {
    const orphans = sum(types.filter(({ queue }) => queue === name).map((type) => type.waiting));
    if (pausedAt !== null || orphans >= waiting || (oldestWaitingMs ?? 0) < OLD_MS) return [];
    const others = orphans === 0 ? '' : ` ${counted(orphans, 'is', 'are')} of types that no worker serves.`;
    return [
      item({
        code: 'old_job',
        severity: 'critical',
        title: `The oldest job in ${name} has waited ${minutesOf(oldestWaitingMs ?? 0)}`,
        detail: `${counted(waiting, 'job waits', 'jobs wait')} there.${others} More arrive than its workers finish: look at their slots, or start more workers.`,
        queue: name,
        since: new Date(nowMs - (oldestWaitingMs ?? 0)).toISOString(),
      }),
    ];
  });
}

function lostWorkers({ lost }: AttentionFacts): AttentionItem[] {
  return lost.map(({ id, host, pid, lostAt }) =>
    item({
      code: 'lost_worker',
      severity: 'warning',
      title: `The worker on ${host} (pid ${pid}) was lost`,
      detail:
        'It stopped renewing its lease; its jobs were returned, charged with an attempt, and run elsewhere. Look at its log.',
      workerId: id,
      since: lostAt,
    }),
  );
}

function transportAway({ isTransportThere }: AttentionFacts): AttentionItem[] {
  if (isTransportThere) return [];
  return [
    item({
      code: 'transport_away',
      severity: 'warning',
      title: 'NATS is away',
      detail:
        'Jobs are found in the table instead: none is lost, each starts up to about a second later. It comes back by itself.',
    }),
  ];
}

function pausedQueues({ queues }: AttentionFacts): AttentionItem[] {
  return queues.flatMap(({ name, pausedAt, waiting }) => {
    if (pausedAt === null) return [];
    return [
      item({
        code: 'queue_paused',
        severity: 'warning',
        title: `The queue ${name} is paused; ${counted(waiting, 'job waits', 'jobs wait')}`,
        detail: 'Its jobs are taken and kept, and none starts until it is resumed.',
        queue: name,
        since: pausedAt,
      }),
    ];
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const shareOf = (failed: number, done: number): number => (failed === 0 ? 0 : failed / (failed + done));

const percent = (share: number): string => `${Math.round(share * 100)} %`;

const counted = (count: number, one: string, many: string): string =>
  count === 1 ? `1 ${one}` : `${count.toLocaleString('en-US')} ${many}`;

function minutesOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
