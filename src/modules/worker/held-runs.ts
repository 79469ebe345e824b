import { monotonicMs } from '../../kernel/clock.js';
import type { AbortCause } from '../job/index.js';
import type { Run } from './run.js';

/** The runs of this process: those it holds (their outcome is not handed over yet) and those whose handlers will not end. */
export class HeldRuns {
  private readonly held = new Map<string, Run>();
  private readonly stuckRuns = new Set<Run>();
  /** How many claims and returns are under way, by the worker's id they are made under. */
  private readonly underWay = new Map<string, number>();
  private emptyWaiters: (() => void)[] = [];
  /** When the last run began, monotonic, in ms. */
  lastAddedAt: number | undefined;

  add(run: Run): void {
    this.lastAddedAt = monotonicMs();
    this.held.set(run.job.id, run);
  }

  /** The run is no longer held; another run of the same job, claimed since, stays. */
  remove(run: Run): void {
    if (this.held.get(run.job.id) !== run) return;
    this.held.delete(run.job.id);
    if (this.held.size > 0) return;
    const waiters = this.emptyWaiters;
    this.emptyWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Until what this answers is called, jobs may come to execute under that worker's id, or be given back. */
  expect(workerId: string): () => void {
    this.underWay.set(workerId, (this.underWay.get(workerId) ?? 0) + 1);
    return () => {
      const left = (this.underWay.get(workerId) ?? 0) - 1;
      if (left > 0) this.underWay.set(workerId, left);
      else this.underWay.delete(workerId);
    };
  }

  /** The ids of this worker under which jobs execute, or may. */
  get workerIds(): Set<string> {
    const ids = new Set(this.underWay.keys());
    for (const run of this.held.values()) ids.add(run.workerId);
    return ids;
  }

  /** The run's outcome is recorded, but its handler goes on and keeps its slot. */
  addStuck(run: Run): void {
    this.stuckRuns.add(run);
  }

  removeStuck(run: Run): void {
    this.stuckRuns.delete(run);
  }

  find(id: string): Run | undefined {
    return this.held.get(id);
  }

  get all(): Run[] {
    return [...this.held.values()];
  }

  get size(): number {
    return this.held.size;
  }

  get stuck(): ReadonlySet<Run> {
    return this.stuckRuns;
  }

  abortAll(cause: AbortCause, message: string): void {
    for (const run of this.held.values()) run.abort(cause, message);
  }

  /** Resolves when no run is held. */
  empty(): Promise<void> {
    if (this.held.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.emptyWaiters.push(resolve));
  }
}
