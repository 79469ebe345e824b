import type { Query } from '../job/index.js';

/** Does work in a transaction of its own, bounded in time; rejects with what the work or the database says. */
export type Step = <Result>(work: (query: Query) => Promise<Result>) => Promise<Result>;

/** Where a duty tells the operator what it did. */
export interface DutyLog {
  log(message: string): void;
  warn(message: string): void;
}

/**
 * Work that one process does for all: keeping every job findable, or the tables small. Every step of it is fenced, so two
 * processes that both believe to hold a duty waste work and do no harm.
 */
export interface Duty {
  /** Names its lock: never changed. */
  readonly name: string;
  /** Pause between two rounds, in ms. */
  readonly everyMs: number;
  /** Forgets what an earlier holding had learned; called when this process begins to hold the duty. */
  begin(): void;
  /** Does one round in bounded steps; true when there is more to do at once. What it had done before it rejects stays done. */
  runOnce(step: Step): Promise<boolean>;
}
