import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../src/modules/database/index.js';
import { Caretaker } from '../../src/modules/scheduler/caretaker.js';
import type { Duty, Step } from '../../src/modules/scheduler/duty.js';
import { eventually } from '../support/eventually.js';
import { JobTables, openedOn } from '../support/job-tables.js';
import { failOnLeaks } from '../support/leaks.js';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

failOnLeaks();

let tables: JobTables;
let databases: Database[];
let caretakers: Caretaker[];
let lines: string[];
let proxy: TcpProxy | undefined;

beforeEach(async () => {
  tables = await JobTables.open();
  databases = [];
  caretakers = [];
  lines = [];
});

afterEach(async () => {
  await Promise.all(caretakers.map((caretaker) => caretaker.stop()));
  await Promise.all(databases.map((database) => database.close()));
  await proxy?.close();
  proxy = undefined;
  await tables.close();
});

/** Counts its rounds and does what the test says in each. */
class CountedDuty implements Duty {
  rounds = 0;
  begins = 0;
  readonly everyMs = 5;

  constructor(
    readonly name: string,
    private readonly round: (step: Step, rounds: number) => Promise<boolean> = () => Promise.resolve(false),
  ) {}

  begin(): void {
    this.begins++;
  }

  runOnce(step: Step): Promise<boolean> {
    return this.round(step, ++this.rounds);
  }
}

/** A caretaker with connections of its own, as another process has them. */
function caretaker(...duties: Duty[]): Promise<Caretaker> {
  return caretakerAt(tables.test.url, duties);
}

async function caretakerAt(url: string, duties: readonly Duty[]): Promise<Caretaker> {
  const database = openedOn(url);
  databases.push(database);
  await database.open();
  const take = (line: string): void => void lines.push(line);
  const made = new Caretaker(database, duties, { log: take, warn: take });
  caretakers.push(made);
  return made;
}

/** The URL of the test database by way of a network that the test can break. */
async function throughProxy(): Promise<string> {
  const url = new URL(tables.test.url);
  proxy = await openTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  return url.href;
}

/** Ends the sessions that hold duties, as a server does that restarts. */
async function cutHolders(): Promise<void> {
  await tables.test.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
}

describe('caretakers', () => {
  it('do each duty in one process at a time, and a process that stops hands over what it held', async () => {
    const [first, second] = [new CountedDuty('audit'), new CountedDuty('audit')];
    const holder = await caretaker(first, new CountedDuty('sweep'));
    holder.start();
    await eventually(() => first.rounds > 0);
    expect(holder.held).toEqual(['audit', 'sweep']);
    const other = await caretaker(second);
    other.start();
    await eventually(() => first.rounds > 50);
    expect([other.held, second.rounds]).toEqual([[], 0]);
    await holder.stop();
    const { rounds } = first;
    await eventually(() => second.rounds > 3);
    expect([holder.held, first.rounds]).toEqual([[], rounds]);
  });

  it('stop their duties when the session breaks that holds them, and take them anew', async () => {
    const duty = new CountedDuty('audit');
    const holder = await caretaker(duty);
    holder.start();
    await eventually(() => duty.rounds > 0);
    await cutHolders();
    await eventually(() => holder.held.length === 0);
    await eventually(() => duty.begins === 2);
    expect(holder.held).toEqual(['audit']);
  });

  it('give their duties up to another process when the network between them and the server breaks', async () => {
    const [first, second] = [new CountedDuty('audit'), new CountedDuty('audit')];
    const holder = await caretakerAt(await throughProxy(), [first]);
    holder.start();
    await eventually(() => first.rounds > 0);
    (await caretaker(second)).start();
    await proxy?.cut();
    await eventually(() => holder.held.length === 0);
    const { rounds } = first;
    await eventually(() => second.rounds > 20);
    expect(first.rounds).toBe(rounds);
  });

  it('stop their duties when the server answers no more, because it may have ended the session', async () => {
    const duty = new CountedDuty('audit');
    const holder = await caretakerAt(await throughProxy(), [duty]);
    holder.start();
    await eventually(() => duty.rounds > 0);
    proxy?.silence();
    await eventually(() => holder.held.length === 0, { withinMs: 20_000 });
  });

  it('take the duties of a process that stands still, whose session the server ends', async () => {
    const duty = new CountedDuty('audit');
    const still = openedOn(tables.test.url);
    databases.push(still);
    await still.open();
    const session = await still.dedicated('duties', { mostSilentMs: 500 });
    const ended = new Promise((resolve) => session.onBroken(resolve));
    await session.query(`SELECT pg_advisory_lock(hashtextextended('rookery:duty:' || $1 || ':audit', 0))`, [
      still.schema,
    ]);
    const other = await caretaker(duty);
    other.start();
    expect(String(await ended)).toContain('idle-session timeout');
    await eventually(() => duty.rounds > 0);
    expect(other.held).toEqual(['audit']);
  });

  it('try a failing duty again and go on with the others', async () => {
    const failing = new CountedDuty('audit', (_, rounds) =>
      rounds < 3 ? Promise.reject(new Error('no luck')) : Promise.resolve(false),
    );
    const other = new CountedDuty('sweep');
    (await caretaker(failing, other)).start();
    await eventually(() => failing.rounds > 5);
    expect(other.rounds).toBeGreaterThan(5);
    expect(lines.filter((line) => line.includes('no luck'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('works again'))).toHaveLength(1);
  });

  it('do a step in a transaction of its own, one at a time, and end a statement that takes too long', async () => {
    let running = 0;
    let most = 0;
    const stepping = async (step: Step): Promise<boolean> => {
      await step(async (query) => {
        most = Math.max(most, ++running);
        await query({ name: 'pause', text: 'SELECT pg_sleep(0.002)' }, []);
        running--;
      });
      return true;
    };
    const slow = new CountedDuty('slow', (step) =>
      step((query) => query({ name: 'slow', text: 'SELECT pg_sleep(60)' }, []).then(() => false)),
    );
    const duties = [new CountedDuty('one', stepping), new CountedDuty('two', stepping)];
    (await caretaker(...duties, slow)).start();
    await eventually(() => lines.some((line) => line.includes('statement timeout')));
    await eventually(() => duties.every((duty) => duty.rounds > 5));
    expect(most).toBe(1);
  });

  it('begin nothing once they are stopped, and stop without having begun', async () => {
    const duty = new CountedDuty('audit');
    const stopped = await caretaker(duty);
    await stopped.stop();
    stopped.start();
    await stopped.stop();
    expect(duty.rounds).toBe(0);
  });
});
