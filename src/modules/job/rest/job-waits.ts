import { Injectable, Logger } from '@nestjs/common';
import { monotonicMs } from '../../../kernel/clock.js';
import { RookeryError } from '../../../kernel/errors.js';
import { Lifecycle } from '../../../kernel/lifecycle.js';
import { Database, reasonOf } from '../../database/index.js';
import { JobEndings, type JobEnding } from '../job-endings.js';
import { statesOf, type KnownState } from '../repository/control.repository.js';
import { controlQuery } from '../repository/query.js';
import { isOpen } from '../state-machine.js';

/** Most requests that wait at once in this process; each is an open connection. */
const MOST_WAITS = 10_000;
/** Most ids one read names. */
const IDS_A_READ = 1_000;
/** Answering is only resolving promises. */
const STOP_BUDGET_MS = 1_000;

/** Pauses between two reads, by how long the youngest request has waited: most jobs end at once, and those that do not take long. */
const PAUSES = [
  { untilMs: 1_000, pauseMs: 100 },
  { untilMs: 5_000, pauseMs: 250 },
  { untilMs: Infinity, pauseMs: 1_000 },
] as const;

interface Wait {
  /** The state last read. */
  last: KnownState;
  /** Answers with the state, or with undefined for a job that is gone. */
  readonly end: (state: KnownState | undefined) => void;
}

/**
 * Lets requests wait for jobs to end. An end that a worker of this process records is heard of at once. For all others the requests of a
 * process wait together: one read at a time asks for every job waited for, however many requests there are.
 */
@Injectable()
export class JobWaits {
  private readonly logger = new Logger('JobWaits');
  private readonly waits = new Map<string, Set<Wait>>();
  private count = 0;
  private youngestSinceMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private timerDueMs = Infinity;
  private isReading = false;
  private isStopped = false;

  constructor(
    private readonly database: Database,
    endings: JobEndings,
    lifecycle: Lifecycle,
  ) {
    endings.listen((ending) => this.hear(ending));
    lifecycle.register('unready', 'requests that wait for jobs', STOP_BUDGET_MS, () => this.stop());
  }

  /** Requests waiting. */
  get waiting(): number {
    return this.count;
  }

  /**
   * Resolves with the job's state once it has finished, or with the state last read when the time is up, the signal aborts or the
   * process stops; with undefined when the job is gone. Throws `overloaded` when too many requests wait.
   */
  async untilFinished(
    state: KnownState,
    longestMs: number,
    signal: AbortSignal,
  ): Promise<KnownState | undefined> {
    if (this.isStopped || signal.aborted || longestMs === 0 || !isOpen(state.status)) return state;
    if (this.count >= MOST_WAITS)
      throw new RookeryError('overloaded', 'too many requests wait for jobs; ask without wait');
    return new Promise((resolve) => {
      const giveUp = (): void => wait.end(wait.last);
      const timer = setTimeout(giveUp, longestMs);
      const wait: Wait = {
        last: state,
        end: (ended) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', giveUp);
          this.remove(state.id, wait);
          resolve(ended);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.add(state.id, wait);
    });
  }

  private hear({ id, status }: JobEnding): void {
    for (const wait of [...(this.waits.get(id) ?? [])]) wait.end({ ...wait.last, status });
  }

  private stop(): void {
    this.isStopped = true;
    for (const wait of this.all()) wait.end(wait.last);
  }

  private all(): Wait[] {
    return [...this.waits.values()].flatMap((waits) => [...waits]);
  }

  private add(id: string, wait: Wait): void {
    const waits = this.waits.get(id) ?? new Set();
    this.waits.set(id, waits.add(wait));
    this.count++;
    this.youngestSinceMs = monotonicMs();
    this.readAfter(PAUSES[0].pauseMs);
  }

  private remove(id: string, wait: Wait): void {
    const waits = this.waits.get(id);
    if (!waits?.delete(wait)) return;
    if (waits.size === 0) this.waits.delete(id);
    if (--this.count === 0) this.clearTimer();
  }

  /** Reads in that time at the latest. */
  private readAfter(pauseMs: number): void {
    const dueMs = monotonicMs() + pauseMs;
    if (this.isReading || this.timerDueMs <= dueMs) return;
    this.clearTimer();
    this.timerDueMs = dueMs;
    this.timer = setTimeout(() => void this.readAll(), pauseMs);
  }

  private clearTimer(): void {
    clearTimeout(this.timer);
    this.timerDueMs = Infinity;
  }

  private async readAll(): Promise<void> {
    this.clearTimer();
    this.isReading = true;
    try {
      const ids = [...this.waits.keys()];
      for (let at = 0; at < ids.length; at += IDS_A_READ) await this.read(ids.slice(at, at + IDS_A_READ));
    } catch (error) {
      this.logger.debug(`the states of ${this.waits.size} jobs could not be read: ${reasonOf(error)}`);
    }
    this.isReading = false;
    if (this.count > 0) this.readAfter(this.pauseMs());
  }

  private async read(ids: readonly string[]): Promise<void> {
    const states = new Map(
      (await statesOf(controlQuery(this.database.control), ids)).map((state) => [state.id, state]),
    );
    for (const id of ids) {
      const state = states.get(id);
      for (const wait of [...(this.waits.get(id) ?? [])]) {
        if (state && isOpen(state.status)) wait.last = state;
        else wait.end(state);
      }
    }
  }

  private pauseMs(): number {
    const ageMs = monotonicMs() - this.youngestSinceMs;
    return PAUSES.find((pause) => ageMs < pause.untilMs)?.pauseMs ?? PAUSES[2].pauseMs;
  }
}
