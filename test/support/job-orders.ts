import fc, { type Arbitrary } from 'fast-check';
import { RookeryError } from '../../src/kernel/errors.js';
import { FIRST_ID } from '../../src/modules/job/index.js';
import {
  isOpen,
  noFlows,
  runEnds,
  type Flows,
  type HeldRun,
  type JobGroup,
  type JobStep,
  type ModelJob,
  type RunEnd,
} from './job-model.js';
import type { JobWorld } from './job-world.js';

/** A process that claims jobs, under the id it has at the moment. */
export interface ModelWorker {
  id: string;
  isLost: boolean;
  isStopped: boolean;
}

/** All that is known of a queue, its jobs and its workers. */
export class JobModel implements JobGroup {
  readonly jobs = new Map<string, ModelJob>();
  readonly keys = new Map<string, string>();
  readonly flows: Flows = noFlows();
  /** The key each job was enqueued with. */
  readonly keyOf = new Map<string, string>();
  /** Every run that any worker was told it has, the oldest first. */
  readonly held: HeldRun[] = [];
  /** Ids that are old enough for the audit. */
  readonly old: string[] = [];
  /** Ids of workers that were alive once and are lost or stopped. */
  readonly gone = new Set<string>();
  watermark = FIRST_ID;
  isSealed = false;
  isComplete = false;

  constructor(
    readonly workers: readonly ModelWorker[],
    readonly newId: JobWorld['newId'],
  ) {}

  /** The jobs that those numbers stand for, counted from the newest; each once. */
  pick(numbers: readonly number[]): ModelJob[] {
    const newest = [...this.jobs.values()].slice(-WITHIN_REACH);
    return [...new Set(numbers.map((number) => newest[number % newest.length]))].filter(
      (job) => job !== undefined,
    );
  }

  worker(number: number): ModelWorker {
    const worker = this.workers[number % this.workers.length];
    if (!worker) throw new Error('there are no workers');
    return worker;
  }

  /** Runs whose worker will not come back for them. */
  get orphans(): HeldRun[] {
    return [...this.jobs.values()].flatMap((job) =>
      job.status === 'executing' && job.worker !== null && this.gone.has(job.worker)
        ? [{ ...job, worker: job.worker }]
        : [],
    );
  }

  /** The key that binds the job to others, or its id. */
  groupOf(step: JobStep): string {
    return (step.kind === 'enqueue' ? step.key : this.keyOf.get(step.id)) ?? step.id;
  }
}

/** So few that commands meet on the same jobs, so many that they also miss each other. */
const WITHIN_REACH = 6;
const ROWS_AN_AUDIT = 2;

/** What a command wants, before it is known what there is. Numbers stand for whichever jobs, runs and workers there are. */
export type Wish =
  | {
      readonly kind: 'enqueue';
      readonly birth: 'fresh' | 'late' | 'aged' | 'delayed';
      readonly maxAttempts: number;
      readonly key: number | null;
      readonly isMember: boolean;
      /** The worker that has a slot for it, when it is to be born claimed: then it has neither key nor batch. */
      readonly claimedBy: number | null;
    }
  | {
      readonly kind: 'claim';
      readonly worker: number;
      readonly jobs: readonly number[];
      readonly areRetries: boolean;
    }
  | {
      readonly kind: 'settle';
      /** Counted from the newest. */
      readonly runs: readonly number[];
      readonly end: RunEnd;
      readonly isDelayed: boolean;
      readonly isRepeated: boolean;
      readonly impostor: number | null;
    }
  | { readonly kind: 'cancel'; readonly jobs: readonly number[]; readonly onlyWaiting: boolean }
  | { readonly kind: 'retry'; readonly jobs: readonly number[]; readonly isExpired: boolean }
  | { readonly kind: 'rescue' }
  | { readonly kind: 'audit' }
  | { readonly kind: 'seal' };

/** A wish with the jobs it will be about. */
export interface Order {
  readonly wish: Wish;
  readonly steps: readonly JobStep[];
  /** Issues it, on that session; answers what was told of each job, as far as anything was. */
  perform(world: JobWorld, session: number): Promise<ReadonlyMap<string, string>>;
}

const someJobs = fc.uniqueArray(fc.nat(WITHIN_REACH - 1), { minLength: 1, maxLength: 4 });
const seldom = fc.oneof(
  { arbitrary: fc.constant(false), weight: 5 },
  { arbitrary: fc.constant(true), weight: 1 },
);

const aThird = fc.nat(2).map((number) => number === 0);

/** Wishes that may be issued together with any others. */
export const wishes: Arbitrary<Wish> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('enqueue'),
      birth: fc.constantFrom('fresh', 'fresh', 'late', 'aged', 'delayed'),
      maxAttempts: fc.integer({ min: 1, max: 3 }),
      key: fc.option(fc.nat(1), { freq: 2 }),
      isMember: aThird,
      // One in four.
      claimedBy: fc.nat(11).map((number) => (number < 3 ? number : null)),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('claim'),
      worker: fc.nat(2),
      jobs: someJobs,
      areRetries: aThird,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('settle'),
      runs: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
      end: fc.constantFrom(...runEnds),
      isDelayed: seldom,
      isRepeated: seldom,
      // One in six asks in the name of whichever worker.
      impostor: fc.nat(17).map((number) => (number < 3 ? number : null)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel'), jobs: someJobs, onlyWaiting: seldom }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('retry'), jobs: someJobs, isExpired: seldom }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'rescue' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'audit' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'seal' }) },
);

/** The order that the wish comes to as things are; undefined when there is nothing for it. */
export function orderOf(model: JobModel, wish: Wish): Order | undefined {
  switch (wish.kind) {
    case 'enqueue':
      return enqueueOf(model, wish);
    case 'claim':
      return claimOf(model, wish);
    case 'settle':
      return settleOf(model, wish);
    case 'cancel':
      return cancelOf(model, wish);
    case 'retry':
      return retryOf(model, wish);
    case 'rescue':
      return rescueOf(model, wish);
    case 'audit':
      return auditOf(model, wish);
    case 'seal':
      return model.isSealed ? undefined : { wish, steps: [], perform: (world) => world.seal().then(nothing) };
  }
}

const nothing = (): ReadonlyMap<string, string> => new Map();
const idsOf = (steps: readonly { readonly id: string }[]): string[] => steps.map(({ id }) => id);
const orNone = (order: Order): Order | undefined => (order.steps.length === 0 ? undefined : order);

function enqueueOf(model: JobModel, wish: Wish & { readonly kind: 'enqueue' }): Order {
  const { birth, maxAttempts, key, isMember } = wish;
  const isAged = birth === 'aged';
  const claimedBy = birth === 'fresh' || birth === 'late' ? wish.claimedBy : null;
  const isPlain = isAged || claimedBy !== null;
  const step = {
    kind: 'enqueue',
    id: model.newId(birth === 'delayed' ? 'fresh' : birth),
    maxAttempts,
    due: birth === 'delayed' ? 'future' : birth === 'late' ? 'past' : 'none',
    key: key === null || isPlain ? null : `key ${key}`,
    isMember: isMember && !isPlain,
    claimedBy: claimedBy === null ? null : model.worker(claimedBy).id,
  } as const satisfies JobStep;
  const act = async (world: JobWorld, session: number): Promise<string> => {
    if (isAged) return world.age(step).then(() => 'stored');
    try {
      return await world.enqueue(session, step);
    } catch (error) {
      if (error instanceof RookeryError && error.code === 'batch_sealed') return 'sealed';
      throw error;
    }
  };
  return {
    wish,
    steps: [step],
    perform: async (world, session) => new Map([[step.id, await act(world, session)]]),
  };
}

function claimOf(model: JobModel, wish: Wish & { readonly kind: 'claim' }): Order | undefined {
  const { areRetries } = wish;
  const worker = model.worker(wish.worker).id;
  const steps = model.pick(wish.jobs).map(({ id }) => ({ kind: 'claim', id, worker, areRetries }) as const);
  return orNone({
    wish,
    steps,
    perform: (world, session) => world.claim(session, worker, idsOf(steps), areRetries),
  });
}

function settleOf(model: JobModel, wish: Wish & { readonly kind: 'settle' }): Order | undefined {
  const chosen = wish.runs.flatMap((number) => model.held.at(-1 - number) ?? []);
  const own = chosen.filter((run, at) => {
    const isFirst = chosen.findIndex(({ id }) => id === run.id) === at;
    return isFirst && run.worker === chosen[0]?.worker;
  });
  const worker = wish.impostor === null ? (own[0]?.worker ?? '') : model.worker(wish.impostor).id;
  const { end, isDelayed, isRepeated } = wish;
  const steps = own.map(
    (held) => ({ kind: 'settle', id: held.id, worker, held, end, isDelayed, isRepeated }) as const,
  );
  return orNone({ wish, steps, perform: (world, session) => world.settle(session, worker, steps) });
}

function cancelOf(model: JobModel, wish: Wish & { readonly kind: 'cancel' }): Order | undefined {
  const { onlyWaiting } = wish;
  const steps = model.pick(wish.jobs).map(({ id }) => ({ kind: 'cancel', id, onlyWaiting }) as const);
  return orNone({ wish, steps, perform: (world) => world.cancel(idsOf(steps), onlyWaiting) });
}

function retryOf(model: JobModel, wish: Wish & { readonly kind: 'retry' }): Order | undefined {
  const { isExpired } = wish;
  const steps = model
    .pick(wish.jobs)
    .map(({ id }) => ({ kind: 'retry', id, key: model.keyOf.get(id) ?? null, isExpired }) as const);
  return orNone({
    wish,
    steps,
    perform: (world) => world.retry(idsOf(steps), model.keyOf, isExpired),
  });
}

function rescueOf(model: JobModel, wish: Wish): Order | undefined {
  const steps = model.orphans.map(
    (held) =>
      ({
        kind: 'settle',
        id: held.id,
        worker: held.worker,
        held,
        end: 'lost',
        isDelayed: false,
        isRepeated: false,
      }) as const,
  );
  return orNone({
    wish,
    steps,
    perform: async (world) => {
      const told = new Map<string, string>();
      for (const worker of new Set(steps.map((step) => step.worker))) {
        const own = steps.filter((step) => step.worker === worker);
        for (const [id, answer] of await world.settle('control', worker, own)) told.set(id, answer);
      }
      return told;
    },
  });
}

function auditOf(model: JobModel, wish: Wish): Order | undefined {
  const page = model.old
    .filter((id) => id > model.watermark)
    .sort()
    .slice(0, ROWS_AN_AUDIT);
  const steps = page.map((id) => ({ kind: 'audit', id }) as const);
  return orNone({
    wish,
    steps,
    perform: async (world) => {
      const place = await world.audit(model.watermark, ROWS_AN_AUDIT);
      return new Map(page.map((id) => [id, place === page.at(-1) ? 'passed' : `stopped at ${place}`]));
    },
  });
}

/** What has to hold of the model's own after an order was carried out: who holds which run, which keys and old ids there are. */
export function remember(model: JobModel, order: Order, told: ReadonlyMap<string, string>): void {
  for (const step of order.steps) {
    const answer = told.get(step.id) ?? '';
    if (step.kind === 'enqueue') rememberJob(model, order.wish, step, answer);
    if (step.kind === 'enqueue' && step.claimedBy !== null && answer === 'claimed')
      model.held.push({ ...step, worker: step.claimedBy, run: 1, attempt: 1 });
    const [, run, attempt] = /^run (\d+), attempt (\d+)$/.exec(answer) ?? [];
    const job = model.jobs.get(step.id);
    if (step.kind === 'claim' && job && run !== undefined)
      model.held.push({ ...job, worker: step.worker, run: Number(run), attempt: Number(attempt) });
  }
  if (order.wish.kind === 'audit') model.watermark = order.steps.at(-1)?.id ?? model.watermark;
  if (order.wish.kind === 'seal') model.isSealed = true;
}

function rememberJob(
  model: JobModel,
  wish: Wish,
  { id, key }: JobStep & { readonly kind: 'enqueue' },
  answer: string,
): void {
  if ((answer !== 'stored' && answer !== 'claimed') || wish.kind !== 'enqueue') return;
  if (key !== null) model.keyOf.set(id, key);
  if (wish.birth === 'late' || wish.birth === 'aged') model.old.push(id);
}

/** How many members the model's batch has in each state. */
export function membersOf(
  model: JobModel,
): Record<'total' | 'done' | 'failed' | 'canceled' | 'open', number> {
  const members = [...model.jobs.values()].filter((job) => job.isMember);
  const count = (status: string): number => members.filter((job) => job.status === status).length;
  return {
    total: members.length,
    done: count('done'),
    failed: count('failed'),
    canceled: count('canceled'),
    open: members.filter(isOpen).length,
  };
}
