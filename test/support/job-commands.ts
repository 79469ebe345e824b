import { isDeepStrictEqual } from 'node:util';
import fc, { type Arbitrary, type AsyncCommand } from 'fast-check';
import {
  copyOf,
  isReady,
  noFlows,
  take,
  type JobGroup,
  type JobStep,
  type ModelJob,
  type Shown,
} from './job-model.js';
import { membersOf, orderOf, remember, wishes, type JobModel, type Order, type Wish } from './job-orders.js';
import { MOST_AT_ONCE, type JobWorld } from './job-world.js';

/** A step with what was told of it. */
interface ToldStep {
  readonly step: JobStep;
  readonly answer: string;
  /** True when the answer may also mean that somebody else was in the way, and that nothing was done. */
  readonly mayDecline: boolean;
}

/** What a model run has come across, to see that it was not in vain: `settle: refused` → how often. */
export type Met = Map<string, number>;

type Command = AsyncCommand<JobModel, JobWorld>;

/** Single commands, several at once, and what happens to workers and to time. */
export function commands(met: Met): Arbitrary<Command>[] {
  const several = fc.array(wishes, { minLength: 2, maxLength: MOST_AT_ONCE });
  const alone = wishes.map((wish) => new Issue([wish], false, met));
  return [
    ...Array.from({ length: 6 }, () => alone),
    ...Array.from({ length: 4 }, () =>
      fc.tuple(several, fc.boolean()).map(([all, isRace]) => new Issue(all, isRace, met)),
    ),
    fc.constant(new FallDue()),
    fc.nat(2).map((worker) => new Beat(worker)),
    fc.tuple(fc.nat(2), fc.boolean()).map(([worker, isRenewed]) => new Lose(worker, isRenewed, met)),
    fc.nat(2).map((worker) => new Stop(worker)),
  ];
}

/** Issues wishes at once, and checks that one order of their steps explains every answer and every row. */
class Issue implements Command {
  constructor(
    private readonly all: readonly Wish[],
    private readonly isRace: boolean,
    private readonly met: Met,
  ) {}

  check(model: Readonly<JobModel>): boolean {
    return this.all.some((wish) => orderOf(model, wish) !== undefined);
  }

  async run(model: JobModel, world: JobWorld): Promise<void> {
    const orders = ordersOf(model, this.all);
    if (orders.some(({ wish }) => wish.kind === 'rescue')) await checkOrphans(model, world);
    const issue = (): Promise<ReadonlyMap<string, string>[]> =>
      Promise.all(orders.map((order, session) => order.perform(world, session)));
    const touching = orders.filter(({ steps }) => steps.length > 0).length;
    const answers = this.isRace && touching > 1 ? await world.atOnce(touching, issue) : await issue();
    const told = orders.map((order, at) => toldOf(order, answers[at] ?? new Map()));
    this.count(told.flat(), orders.length);
    const wasSealed = model.isSealed;
    const watermark = orders.find(({ wish }) => wish.kind === 'audit')?.steps.at(-1)?.id ?? model.watermark;
    const shown = await world.show(watermark);
    const isSealing = orders.some(({ wish }) => wish.kind === 'seal');
    refuseLateMembers(told.flat(), wasSealed);
    explainAll(model, this.declining(told, orders, wasSealed || isSealing), shown);
    for (const [at, order] of orders.entries()) remember(model, order, answers[at] ?? new Map());
    verify(model, shown, world, orders.length === 1);
  }

  toString(): string {
    const listed = this.all.map((wish) => JSON.stringify(wish)).join(' with ');
    return this.all.length === 1 ? listed : `${this.isRace ? 'race' : 'at once'}(${listed})`;
  }

  private count(told: readonly ToldStep[], orders: number): void {
    const words = told.map(
      ({ step, answer }) => `${step.kind}: ${answer.replace(/^(run|duplicate).*/, '$1')}`,
    );
    for (const word of [
      ...words,
      ...(orders > 1 ? [`together, ${this.isRace ? 'raced' : 'not raced'}`] : []),
    ])
      this.met.set(word, (this.met.get(word) ?? 0) + 1);
  }

  /** Only what is issued beside others may meet somebody in the way. */
  private declining(
    told: readonly (readonly ToldStep[])[],
    orders: readonly Order[],
    isSealed: boolean,
  ): ToldStep[] {
    const hasAudit = orders.some(({ wish }) => wish.kind === 'audit');
    const keys = orders.map(({ steps }) => new Set(steps.map((step) => ('key' in step ? step.key : null))));
    return told.flatMap((steps, at) =>
      steps.map((one) => {
        const { step, answer } = one;
        const key = 'key' in step ? step.key : null;
        const isKeyTried = key !== null && keys.some((others, other) => other !== at && others.has(key));
        const mayDecline =
          (answer === 'held' && isKeyTried) ||
          (answer === 'sealed' && isSealed) ||
          (step.kind === 'retry' && answer === 'left' && isKeyTried) ||
          (step.kind === 'claim' && answer === 'left' && hasAudit);
        return { ...one, mayDecline };
      }),
    );
  }
}

/** What of the wishes can be issued together: a duty runs in one place, and nothing older than the audit's next rows comes up beside it. */
function ordersOf(model: JobModel, all: readonly Wish[]): Order[] {
  const isAlone = all.length === 1;
  const hasAudit = all.some(({ kind }) => kind === 'audit');
  const kinds = new Set<string>();
  return all.flatMap((wish) => {
    const isOnce = wish.kind === 'audit' || wish.kind === 'seal';
    if (isOnce && kinds.has(wish.kind)) return [];
    kinds.add(wish.kind);
    const isOld = wish.kind === 'enqueue' && (wish.birth === 'aged' || (hasAudit && wish.birth === 'late'));
    return orderOf(model, isOld && !isAlone ? { ...wish, birth: 'fresh' } : wish) ?? [];
  });
}

function toldOf({ steps }: Order, answers: ReadonlyMap<string, string>): ToldStep[] {
  return steps.map((step) => ({ step, answer: answers.get(step.id) ?? 'left', mayDecline: false }));
}

function refuseLateMembers(told: readonly ToldStep[], wasSealed: boolean): void {
  const late = told.find(
    ({ step, answer }) => wasSealed && step.kind === 'enqueue' && step.isMember && answer === 'stored',
  );
  if (late) throw new Error(`a sealed batch took a member: ${JSON.stringify(late.step)}`);
}

/** Brings the model to where the tables are, group by group; throws when no order of the steps leads there. */
function explainAll(model: JobModel, told: readonly ToldStep[], shown: Shown): void {
  const groups = new Map<string, ToldStep[]>();
  for (const one of told) {
    const name = model.groupOf(one.step);
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  for (const [name, steps] of groups) {
    const before = groupNamed(model, name);
    const after = new Search(steps, (group) => isShown(group, steps, shown)).from(before);
    if (!after) throw new Error(unexplained(before, steps, shown));
    for (const [id, job] of after.jobs) model.jobs.set(id, job);
    for (const [key, id] of after.keys) model.keys.set(key, id);
    for (const flow of Object.keys(after.flows) as (keyof JobGroup['flows'])[])
      model.flows[flow] += after.flows[flow];
  }
}

function groupNamed(model: JobModel, name: string): JobGroup {
  const isIn = (id: string): boolean => (model.keyOf.get(id) ?? id) === name;
  return copyOf({
    jobs: new Map([...model.jobs].filter(([id]) => isIn(id))),
    keys: new Map([...model.keys].filter(([key]) => key === name)),
    flows: noFlows(),
  });
}

/** Looks for an order of steps, each explaining its answer, that ends where it should. */
class Search {
  private readonly seen = new Set<string>();

  constructor(
    private readonly steps: readonly ToldStep[],
    private readonly isEnd: (group: JobGroup) => boolean,
  ) {}

  from(group: JobGroup, done = 0): JobGroup | undefined {
    if (done === 2 ** this.steps.length - 1) return this.isEnd(group) ? group : undefined;
    const place = `${done} ${JSON.stringify([[...group.jobs], [...group.keys], group.flows])}`;
    if (this.seen.has(place)) return undefined;
    this.seen.add(place);
    for (const [at, { step, answer, mayDecline }] of this.steps.entries()) {
      if ((done & (1 << at)) !== 0) continue;
      const next = copyOf(group);
      const isExplained = take(next, step) === answer;
      const end =
        (isExplained ? this.from(next, done | (1 << at)) : undefined) ??
        (mayDecline ? this.from(group, done | (1 << at)) : undefined);
      if (end) return end;
    }
    return undefined;
  }
}

function isShown({ jobs, keys }: JobGroup, steps: readonly ToldStep[], shown: Shown): boolean {
  const ids = new Set([...jobs.keys(), ...steps.map(({ step }) => step.id)]);
  return (
    [...ids].every((id) => isDeepStrictEqual(jobs.get(id), shown.jobs.get(id))) &&
    [...keys].every(([key, id]) => shown.keys.get(key) === id)
  );
}

function unexplained(before: JobGroup, steps: readonly ToldStep[], shown: Shown): string {
  const ids = new Set([...before.jobs.keys(), ...steps.map(({ step }) => step.id)]);
  const now = [...ids].map((id) => shown.jobs.get(id));
  const keys = (map: ReadonlyMap<string, string>): string => JSON.stringify([...map]);
  return [
    `no order of ${steps.length} step(s) explains what was answered and stored`,
    ...[...before.jobs.values()].map((job) => `before: ${JSON.stringify(job)}`),
    `keys before: ${keys(before.keys)}`,
    ...steps.map(({ step, answer }) => `${answer} ⟵ ${JSON.stringify(step)}`),
    ...now.map((job) => `after:  ${JSON.stringify(job)}`),
    `keys after: ${keys(shown.keys)}`,
  ].join('\n');
}

/** Holds everything there is to see against the model. */
function verify(model: JobModel, shown: Shown, world: JobWorld, wasAlone: boolean): void {
  same('the jobs', byId(shown.jobs), byId(model.jobs));
  same('the counters', shown.flows, model.flows);
  const jobs = [...model.jobs.values()];
  const count = (status: string): number => jobs.filter((job) => job.status === status).length;
  same('the totals', shown.totals, {
    waiting: count('waiting'),
    executing: count('executing'),
    done: count('done'),
    failed: count('failed'),
    canceled: count('canceled'),
  });
  same('the jobs lost from sight', shown.lostFromSight, []);
  const ready = jobs.filter(isReady).map(({ id }) => id);
  same('the jobs that a look finds', shown.ready, ready.sort());
  verifyBatch(model, shown, world, wasAlone);
}

/**
 * A batch counts its members, and completes once: when it is sealed and none is open. Among commands issued together that may have been so for a
 * moment.
 */
function verifyBatch(model: JobModel, { batch }: Shown, world: JobWorld, wasAlone: boolean): void {
  const { open, ...counts } = membersOf(model);
  const mustComplete = model.isComplete || (model.isSealed && open === 0);
  const isComplete = wasAlone || mustComplete ? mustComplete : batch.isComplete && model.isSealed;
  same('the batch', batch, { ...counts, isSealed: model.isSealed, isComplete });
  same('the completions told', world.completions, batch.isComplete ? 1 : 0);
  model.isComplete = batch.isComplete;
}

function byId(jobs: ReadonlyMap<string, ModelJob>): ModelJob[] {
  return [...jobs.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(
    `${what} are not as they should be:\n${JSON.stringify(actual)}\ninstead of\n${JSON.stringify(expected)}`,
  );
}

async function checkOrphans(model: JobModel, world: JobWorld): Promise<void> {
  const found = await world.orphans(model.watermark);
  const text = (runs: readonly { readonly id: string; readonly run: number }[]): string[] =>
    [...new Set(runs.map(({ id, run }) => `${id} ${run}`))].sort();
  same('the orphaned runs', text(found.map((run) => run)), text(model.orphans));
}

/** The time comes for which jobs wait. */
class FallDue implements Command {
  check = (model: Readonly<JobModel>): boolean =>
    [...model.jobs.values()].some(({ due }) => due === 'future');

  async run(model: JobModel, world: JobWorld): Promise<void> {
    await world.fallDue([...model.jobs.keys()]);
    for (const id of model.jobs.keys()) take(model, { kind: 'fall due', id });
    verify(model, await world.show(model.watermark), world, true);
  }

  toString = (): string => 'fall due';
}

/** A worker renews its lease, goes on under a new id if it has lost it, and reads what it holds. */
class Beat implements Command {
  constructor(private readonly number: number) {}

  check = (): boolean => true;

  async run(model: JobModel, world: JobWorld): Promise<void> {
    const worker = model.worker(this.number);
    same('whether the lease was renewed', await world.renew(worker.id), !worker.isLost);
    if (worker.isLost || worker.isStopped) await replace(model, world, this.number);
    const ids = [...model.jobs.keys()];
    const rows = (await world.held(ids)).sort((a, b) => (a.id < b.id ? -1 : 1));
    const expected = byId(model.jobs).map(({ id, run, status, worker: workerId, isCancelRequested }) => ({
      id,
      run,
      status,
      workerId,
      isCancelRequested,
    }));
    same('the jobs a heartbeat reads', rows, expected);
    const own = byId(model.jobs).filter((job) => job.status === 'executing' && job.worker === worker.id);
    same(
      'the jobs a worker executes',
      (await world.executedBy(worker.id, ids)).sort(),
      own.map(({ id }) => id),
    );
  }

  toString = (): string => `beat of worker ${this.number}`;
}

async function replace(model: JobModel, world: JobWorld, number: number): Promise<void> {
  const worker = model.worker(number);
  const old = worker.id;
  Object.assign(worker, { id: model.newId('fresh'), isLost: false, isStopped: false });
  await world.register(worker.id);
  await world.stop(old);
}

/** Somebody who has seen a worker's lease marks it lost, perhaps after it has renewed it. */
class Lose implements Command {
  constructor(
    private readonly number: number,
    private readonly isRenewed: boolean,
    private readonly met: Met,
  ) {}

  check = (): boolean => true;

  async run(model: JobModel, world: JobWorld): Promise<void> {
    const worker = model.worker(this.number);
    const isLost = !this.isRenewed && !worker.isLost && !worker.isStopped;
    same('whether the worker was marked lost', await world.lose(worker.id, this.isRenewed), isLost);
    const word = `lose: ${isLost ? 'lost' : 'left'}`;
    this.met.set(word, (this.met.get(word) ?? 0) + 1);
    if (!isLost) return;
    worker.isLost = true;
    model.gone.add(worker.id);
  }

  toString = (): string => `lose worker ${this.number}${this.isRenewed ? ', which has renewed' : ''}`;
}

/** A worker gives its lease up with whatever it still holds. */
class Stop implements Command {
  constructor(private readonly number: number) {}

  check = (model: Readonly<JobModel>): boolean => !model.worker(this.number).isLost;

  async run(model: JobModel, world: JobWorld): Promise<void> {
    const worker = model.worker(this.number);
    await world.stop(worker.id);
    worker.isStopped = true;
    model.gone.add(worker.id);
  }

  toString = (): string => `stop worker ${this.number}`;
}
