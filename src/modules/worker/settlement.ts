import { Logger } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Batcher, BatcherClosedError, type BatcherStats } from '../../kernel/batcher.js';
import { monotonicMs } from '../../kernel/clock.js';
import { RookeryError } from '../../kernel/errors.js';
import type { Metrics } from '../../kernel/metrics.js';
import {
  isBadValue,
  isItemFault,
  isTransient,
  reasonOf,
  type Database,
  type HotConnection,
} from '../database/index.js';
import {
  LONGEST_RUN_OF_JOBS,
  hotQuery,
  observeBatches,
  settle,
  settleWithChildren,
  type BatchObserver,
  type CompletedBatch,
  type JobEnqueuer,
  type NewJob,
  type RunResult,
  type SettleAnswer,
} from '../job/index.js';

interface Outcome {
  readonly workerId: string;
  readonly result: RunResult;
}

/** Heaviest statement, in characters of results. */
const MAX_WEIGHT = 4 * 1024 * 1024;

/** Pauses between two tries of an outcome that is tried by itself. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/** How long an outcome waits for the key of a child that another transaction holds: another process's batch takes milliseconds. */
const HELD_WAIT_MS = 1_000;

/**
 * Records how runs ended, by group commit, durably, and only where the fence holds. An outcome is repeated for as long as the
 * database is away: it is the one thing that cannot be had again.
 */
export class Settlement {
  private readonly logger = new Logger('Settlement');
  private readonly plain: Batcher<Outcome, SettleAnswer>;
  private readonly withChildren: Batcher<Outcome, SettleAnswer>;
  /** For outcomes that were met by a stranger's lock or by an error nobody foresaw: each by itself, so that it holds up no other. */
  private readonly alone: Batcher<Outcome, SettleAnswer>;
  private readonly closing = new AbortController();
  private refused = 0;
  private unsettledCount = 0;
  private waiters: { readonly most: number; readonly resolve: () => void }[] = [];

  /**
   * @param mostUnsettled with more outcomes than this unrecorded, `isBehind`; asked each time
   * @param announce told of the batches that an outcome has completed
   */
  constructor(
    database: Database,
    private readonly enqueuer: JobEnqueuer,
    private readonly mostUnsettled: () => number,
    private readonly announce: (completed: readonly CompletedBatch[]) => void,
    metrics: Metrics,
  ) {
    const plainConnection = database.hot('settle', { durable: true });
    const childConnection = database.hot('settle-with-children', { durable: true });
    this.plain = batcher(
      'settle',
      (outcomes, repeated) => this.settlePlain(plainConnection, outcomes, repeated),
      observeBatches(metrics, 'settle'),
    );
    this.withChildren = batcher(
      'settle with children',
      (outcomes, repeated) => this.settleWithChildren(childConnection, outcomes, repeated),
      observeBatches(metrics, 'settle with children'),
    );
    const aloneConnection = database.hot('settle-alone', { durable: true });
    this.alone = batcher(
      'settle alone',
      (outcomes) =>
        outcomes.some(hasChildren)
          ? this.settleWithChildren(aloneConnection, outcomes, true)
          : this.settlePlain(aloneConnection, outcomes, true),
      observeBatches(metrics, 'settle alone'),
      1,
    );
    metrics.value(
      'rookery_fence_refusals_total',
      'Outcomes refused because the run was no longer this worker’s',
      () => this.refused,
      'counter',
    );
    metrics.value('rookery_unsettled_runs', 'Outcomes on their way to the table', () => this.unsettledCount);
  }

  /** Outcomes handed over and not recorded yet. */
  get unsettled(): number {
    return this.unsettledCount;
  }

  /** True while so many outcomes are unrecorded that nothing more should be run. */
  get isBehind(): boolean {
    return this.unsettledCount > this.mostUnsettled();
  }

  /** Resolves when `isBehind` is false. */
  caughtUp(): Promise<void> {
    return this.atMost(this.mostUnsettled());
  }

  /** Outcomes refused because the run was no longer the worker's, since the start. */
  get refusals(): number {
    return this.refused;
  }

  get stats(): BatcherStats {
    return this.plain.stats;
  }

  /**
   * Records an outcome; `told` hears of it when it is durable, refused, or (undefined) given up because the process stops. `fallback` is
   * recorded instead when PostgreSQL cannot store this one, or its children cannot be enqueued.
   */
  record(
    workerId: string,
    result: RunResult,
    fallback: (error: RookeryError) => RunResult,
    told: (answer: SettleAnswer | undefined) => void,
  ): void {
    this.enter({ workerId, result }, fallback, (answer) => {
      if (answer?.kind === 'refused') this.refused++;
      told(answer);
    });
  }

  /** Lets the job of a run that never began wait again, where the fence holds; `told` when that is recorded, refused or given up. */
  giveBack(workerId: string, result: RunResult, told: () => void): void {
    this.enter({ workerId, result }, () => result, told);
  }

  private enter(
    outcome: Outcome,
    fallback: (error: RookeryError) => RunResult,
    told: (answer: SettleAnswer | undefined) => void,
  ): void {
    this.unsettledCount++;
    const end = (answer: SettleAnswer | undefined): void => {
      this.unsettledCount--;
      if (this.waiters.length > 0) this.wakeWaiters();
      told(answer);
    };
    const batcher = hasChildren(outcome) ? this.withChildren : this.plain;
    batcher.enter(outcome, end, (error) => {
      void this.insist(outcome, fallback, error).then(end, (last: unknown) => {
        const { id, run } = outcome.result;
        this.logger.error(`the outcome of job ${id}, run ${run}, is not recorded: ${reasonOf(last)}`);
        end(undefined);
      });
    });
  }

  /** Waits until all that was handed over is recorded, then takes no more. */
  async close(): Promise<void> {
    await this.atMost(0);
    await this.abandon();
  }

  /** Takes no more and stops repeating; outcomes that are not recorded by now are left to the rescue. */
  async abandon(): Promise<void> {
    this.closing.abort();
    await Promise.all([this.plain.close(), this.withChildren.close(), this.alone.close()]);
  }

  /**
   * Goes on after a refusal that is this outcome's alone, for an outcome that is not recorded leaves its job executing for as long as this
   * worker lives. Rejects when the process stops, or when not even the fallback can be stored.
   */
  private async insist(
    outcome: Outcome,
    fallback: (error: RookeryError) => RunResult,
    first: unknown,
  ): Promise<SettleAnswer> {
    const startedAt = monotonicMs();
    let current = outcome;
    let error = first;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      if (error instanceof BatcherClosedError || this.closing.signal.aborted) throw error;
      const own = ownFault(error);
      const isHeld = own?.code === 'duplicate_job' && monotonicMs() - startedAt < HELD_WAIT_MS;
      if (own && !isHeld) {
        if (current !== outcome) throw error;
        current = { workerId: outcome.workerId, result: fallback(own) };
      } else {
        await delay(pauseMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
      }
      try {
        return await this.alone.submit(current);
      } catch (next) {
        error = next;
      }
    }
  }

  private atMost(most: number): Promise<void> {
    if (this.unsettledCount <= most) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ most, resolve }));
  }

  private wakeWaiters(): void {
    const isOver = ({ most }: { most: number }): boolean => this.unsettledCount <= most;
    for (const waiter of this.waiters.filter(isOver)) waiter.resolve();
    this.waiters = this.waiters.filter((waiter) => !isOver(waiter));
  }

  private async settlePlain(
    connection: HotConnection,
    outcomes: readonly Outcome[],
    repeated: boolean,
  ): Promise<SettleAnswer[]> {
    const answers = new Map<RunResult, SettleAnswer>();
    for (const [workerId, results] of byWorker(outcomes)) {
      const { answers: byId, completed } = await settle(hotQuery(connection), workerId, results, repeated);
      this.announce(completed);
      for (const result of results) answers.set(result, byId.get(result.id) ?? REFUSED);
    }
    return outcomes.map(({ result }) => answers.get(result) ?? REFUSED);
  }

  private async settleWithChildren(
    connection: HotConnection,
    outcomes: readonly Outcome[],
    repeated: boolean,
  ): Promise<SettleAnswer[]> {
    const answers = new Map<RunResult, SettleAnswer>();
    const children = outcomes.flatMap(({ result }) => (result.kind === 'succeeded' ? result.children : []));
    await this.enqueuer.ensurePartitions(children);
    for (const [workerId, results] of byWorker(outcomes)) {
      const {
        answers: byId,
        stored,
        completed,
      } = await connection.transaction((queries) =>
        settleWithChildren(hotQuery(queries), workerId, results, repeated),
      );
      for (const result of results) answers.set(result, byId.get(result.id) ?? REFUSED);
      this.announce(completed);
      this.enqueuer.stored(children.filter((child: NewJob) => stored.has(child.id)));
    }
    return outcomes.map(({ result }) => answers.get(result) ?? REFUSED);
  }
}

const REFUSED: SettleAnswer = { kind: 'refused' };

function hasChildren({ result }: Outcome): boolean {
  return result.kind === 'succeeded' && result.children.length > 0;
}

function batcher(
  name: string,
  run: (outcomes: readonly Outcome[], repeated: boolean) => Promise<SettleAnswer[]>,
  onRun: BatchObserver<Outcome>,
  maxItems = LONGEST_RUN_OF_JOBS,
): Batcher<Outcome, SettleAnswer> {
  return new Batcher({
    name,
    maxItems,
    weigh: ({ result }) => (result.kind === 'succeeded' ? result.result.length : 0),
    maxWeight: MAX_WEIGHT,
    run,
    isItemFault: (error) => isItemFault(error) || error instanceof RookeryError,
    isTransient,
    repeatForMs: Infinity,
    onRun,
  });
}

function byWorker(outcomes: readonly Outcome[]): Map<string, RunResult[]> {
  const groups = new Map<string, RunResult[]>();
  for (const { workerId, result } of outcomes) {
    const group = groups.get(workerId);
    if (group) group.push(result);
    else groups.set(workerId, [result]);
  }
  return groups;
}

/** Why this outcome, and only this one, cannot be stored as it is; undefined for errors that are not its own. */
function ownFault(error: unknown): RookeryError | undefined {
  if (error instanceof RookeryError) return error;
  if (!isBadValue(error)) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  return new RookeryError(
    'unstorable_result',
    `PostgreSQL cannot store the result: ${message}`,
    {},
    { cause: error },
  );
}
