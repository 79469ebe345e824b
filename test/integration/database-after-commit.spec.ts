import { ConsoleLogger, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { afterCommit } from '../../src/modules/database/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

let testDatabase: TestDatabase;
let dataSource: DataSource;
let calls: string[];

beforeAll(async () => {
  testDatabase = await createTestDatabase({ isEmpty: true });
  await testDatabase.query('CREATE TABLE note (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)');
  dataSource = await open();
});

afterAll(async () => {
  await dataSource.destroy();
  await testDatabase.drop();
});

beforeEach(async () => {
  calls = [];
  await testDatabase.query('TRUNCATE note');
});

const open = () => new DataSource({ type: 'postgres', url: testDatabase.url, poolSize: 3 }).initialize();
const call = (manager: EntityManager, name: string) => afterCommit(manager, () => void calls.push(name));

/** Rolls back the savepoint or transaction it is thrown from. */
class Undo extends Error {}
const undone = (work: Promise<unknown>) =>
  work.catch((error: unknown) => {
    if (!(error instanceof Undo)) throw error;
  });

describe('afterCommit', () => {
  it('calls back after the commit and before transaction() resolves', async () => {
    await dataSource.transaction(async (manager) => {
      call(manager, 'first');
      await manager.query('INSERT INTO note VALUES (1)');
      call(manager, 'second');
      expect(calls).toEqual([]);
    });
    expect(calls).toEqual(['first', 'second']);
  });

  it('finds the rows committed when it calls back', async () => {
    let found: Promise<unknown> | undefined;
    await dataSource.transaction(async (manager) => {
      await manager.query('INSERT INTO note VALUES (7)');
      afterCommit(manager, () => void (found = testDatabase.query('SELECT id FROM note')));
    });
    expect(await found).toEqual([{ id: 7 }]);
  });

  it('never calls back after a rollback', async () => {
    await undone(
      dataSource.transaction(async (manager) => {
        call(manager, 'rolled back');
        await manager.query('SELECT 1');
        throw new Undo();
      }),
    );
    expect(calls).toEqual([]);
  });

  it('waits for the outermost transaction when registered in a savepoint', async () => {
    await dataSource.transaction(async (outer) => {
      await outer.transaction(async (inner) => {
        await inner.transaction(async (innermost) => call(innermost, 'innermost'));
        call(inner, 'inner');
      });
      expect(calls).toEqual([]);
      call(outer, 'outer');
    });
    expect(calls).toEqual(['innermost', 'inner', 'outer']);
  });

  it('drops what a rolled back savepoint registered, and keeps the rest', async () => {
    await dataSource.transaction(async (outer) => {
      call(outer, 'before');
      await undone(
        outer.transaction(async (inner) => {
          call(inner, 'undone');
          await inner.transaction(async (innermost) => call(innermost, 'released into the undone one'));
          throw new Undo();
        }),
      );
      await outer.transaction(async (inner) => call(inner, 'after'));
    });
    expect(calls).toEqual(['before', 'after']);
  });

  it('drops everything when the outermost transaction rolls back after a released savepoint', async () => {
    await undone(
      dataSource.transaction(async (outer) => {
        await outer.transaction(async (inner) => call(inner, 'released'));
        throw new Undo();
      }),
    );
    expect(calls).toEqual([]);
  });

  it('does not call back when the commit fails on a deferred constraint', async () => {
    const commit = dataSource.transaction(async (manager) => {
      await manager.query('INSERT INTO note VALUES (1), (1)');
      call(manager, 'never');
    });
    await expect(commit).rejects.toThrow('duplicate key');
    expect(calls).toEqual([]);
  });

  it('does not call back when the commit fails to serialize', async () => {
    const commit = dataSource.transaction('SERIALIZABLE', async (first) => {
      call(first, 'first');
      await first.query('SELECT count(*) FROM note');
      await first.query('INSERT INTO note VALUES (1)');
      await dataSource.transaction('SERIALIZABLE', async (second) => {
        call(second, 'second');
        await second.query('SELECT count(*) FROM note');
        await second.query('INSERT INTO note VALUES (2)');
      });
    });
    await expect(commit).rejects.toThrow('could not serialize');
    expect(calls).toEqual(['second']);
  });

  it('does not call back when PostgreSQL quietly turned the commit into a rollback', async () => {
    await dataSource.transaction(async (manager) => {
      call(manager, 'never');
      await manager.query('SELECT 1 / 0').catch(() => undefined);
    });
    expect(calls).toEqual([]);
  });

  it('does not call back when the connection is lost before the commit', async () => {
    const commit = dataSource.transaction(async (manager) => {
      call(manager, 'never');
      const [row] = await manager.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await testDatabase.query('SELECT pg_terminate_backend($1, 5000)', [row?.pid]);
      await manager.query('SELECT 1');
    });
    await expect(commit).rejects.toThrow();
    expect(calls).toEqual([]);
  });

  it('carries nothing from a runner released amid its transaction into the next one', async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    call(runner.manager, 'abandoned');
    await runner.query('ROLLBACK');
    await runner.release();
    await dataSource.transaction(async (manager) => call(manager, 'next'));
    expect(calls).toEqual(['next']);
  });

  it('serves a query runner that is used by hand, transaction after transaction', async () => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      call(runner.manager, 'first');
      await runner.rollbackTransaction();
      await runner.startTransaction();
      call(runner.manager, 'second');
      await runner.commitTransaction();
      await runner.startTransaction();
      await runner.commitTransaction();
    } finally {
      await runner.release();
    }
    expect(calls).toEqual(['second']);
  });

  it('logs what a callback throws, and keeps it from the caller and the other callbacks', async () => {
    const logged: unknown[] = [];
    const drop = () => undefined;
    Logger.overrideLogger({ error: (message: unknown) => logged.push(message), log: drop, warn: drop });
    try {
      await dataSource.transaction(async (manager) => {
        afterCommit(manager, () => {
          throw new Error('a callback that is meant to fail');
        });
        call(manager, 'next');
      });
    } finally {
      Logger.overrideLogger(new ConsoleLogger());
    }
    expect(calls).toEqual(['next']);
    expect(logged).toEqual(['a callback that waited for a commit has failed']);
  });

  it('refuses a manager without a transaction with no_transaction', async () => {
    expect(() => call(dataSource.manager, 'never')).toThrow(
      expect.objectContaining({ code: 'no_transaction' }),
    );
    let finished: EntityManager | undefined;
    await dataSource.transaction(async (manager) => {
      finished = manager;
    });
    expect(() => call(finished ?? dataSource.manager, 'never')).toThrow('is not in a transaction');
  });

  it('installs one subscriber, also on a DataSource that was closed and opened again', async () => {
    const other = await open();
    try {
      for (let round = 0; round < 2; round++) {
        await other.transaction(async (manager) => call(manager, `round ${round}`));
        await other.transaction(async (manager) => call(manager, `round ${round} again`));
        expect(other.subscribers).toHaveLength(1);
        await other.destroy();
        await other.initialize();
      }
    } finally {
      await other.destroy();
    }
    expect(calls).toEqual(['round 0', 'round 0 again', 'round 1', 'round 1 again']);
  });
});
