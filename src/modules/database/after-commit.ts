import { Logger } from '@nestjs/common';
import type { EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';
import { RookeryError } from '../../kernel/errors.js';

/**
 * Runs a callback when, and only when, the caller's own TypeORM transaction has committed.
 *
 * One subscriber is put on the caller's DataSource with the first call. Callbacks wait by QueryRunner, each with the depth of the transaction
 * (1) or savepoint (2…) it was registered in: a savepoint that is released hands its callbacks to the level around it, a level that
 * is rolled back drops them. The map is weak: a runner that is released, or lost, amid a transaction takes its callbacks along.
 */

interface Waiting {
  readonly depth: number;
  readonly callback: () => void;
}

interface RunnerState {
  waiting: Waiting[];
  /** True once the server has answered the outermost COMMIT with a commit. */
  isCommitted: boolean;
}

/** What the subscriber needs of an event of TypeORM; its declared types are of one version and one copy of the package. */
interface RunnerEvent {
  readonly queryRunner?: QueryRunner;
}
interface QueryEvent extends RunnerEvent {
  readonly query: string;
  readonly success: boolean;
  readonly rawResults?: unknown;
}

const states = new WeakMap<QueryRunner, RunnerState>();
const logger = new Logger('AfterCommit');

const subscriber = {
  afterQuery({ queryRunner, query, success, rawResults }: QueryEvent): void {
    if (query !== 'COMMIT' || !success) return;
    const state = queryRunner && states.get(queryRunner);
    // PostgreSQL answers the COMMIT of a failed transaction with a quiet ROLLBACK, which TypeORM takes for a commit.
    if (state) state.isCommitted = (rawResults as { command?: unknown } | undefined)?.command === 'COMMIT';
  },

  afterTransactionCommit({ queryRunner }: RunnerEvent): void {
    const state = queryRunner && states.get(queryRunner);
    if (!state) return;
    const depth = depthOf(queryRunner);
    if (depth > 0) {
      state.waiting = state.waiting.map(({ callback, ...level }) => ({
        callback,
        depth: Math.min(level.depth, depth),
      }));
      return;
    }
    states.delete(queryRunner);
    if (state.isCommitted) state.waiting.forEach(runSafely);
  },

  afterTransactionRollback({ queryRunner }: RunnerEvent): void {
    const state = queryRunner && states.get(queryRunner);
    if (!state) return;
    const depth = depthOf(queryRunner);
    state.waiting = state.waiting.filter((waiting) => waiting.depth <= depth);
    if (depth === 0) states.delete(queryRunner);
  },
};

/**
 * Calls `callback` once the outermost transaction of `manager` has committed, before the caller's `transaction()` resolves; never when
 * it, or the savepoint this was registered in, is rolled back, and never when the commit fails. What the callback throws is logged.
 * @throws RookeryError no_transaction when the manager is not in a transaction begun by TypeORM
 */
export function afterCommit(manager: EntityManager, callback: () => void): void {
  const { queryRunner } = manager;
  if (!queryRunner?.isTransactionActive || queryRunner.isReleased) {
    throw new RookeryError(
      'no_transaction',
      'the given manager is not in a transaction; pass the one that dataSource.transaction((manager) => …) hands you, ' +
        'or queryRunner.manager after queryRunner.startTransaction()',
    );
  }
  install(manager);
  let state = states.get(queryRunner);
  if (!state) states.set(queryRunner, (state = { waiting: [], isCommitted: false }));
  state.waiting.push({ depth: depthOf(queryRunner), callback });
}

/** First in the list, so that no subscriber of the application that throws can come before it. */
function install({ dataSource }: EntityManager): void {
  const subscribers = dataSource.subscribers as unknown[];
  // Looked up each time: the DataSource makes a new list when it is initialized again.
  if (!subscribers.includes(subscriber)) subscribers.unshift(subscriber satisfies EntitySubscriberInterface);
}

/** 0 outside of a transaction, 1 in it, one more for each savepoint; TypeORM keeps it to itself. */
function depthOf(queryRunner: QueryRunner): number {
  return (queryRunner as unknown as { transactionDepth: number }).transactionDepth;
}

function runSafely({ callback }: Waiting): void {
  try {
    callback();
  } catch (error) {
    logger.error(
      'a callback that waited for a commit has failed',
      error instanceof Error ? error.stack : String(error),
    );
  }
}
