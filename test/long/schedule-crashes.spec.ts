import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { enqueue } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const KILLS = 50;
const SCHEDULERS = ['one', 'two', 'three'];
const SCHEDULES = ['a', 'b', 'c'];

const scene = useServiceScene();
let job: RookeryProcess;

beforeAll(async () => {
  job = scene.start('job');
  await job.ready();
  // So that a process is met while it fires: a fire takes a few milliseconds else.
  await scene.database.query(`CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.03); RETURN NEW; END $$`);
  await scene.database.query(
    'CREATE TRIGGER hold_up BEFORE INSERT ON schedule_fire FOR EACH ROW EXECUTE FUNCTION hold_up()',
  );
});

/** Starts a scheduler whose sessions bear its name. */
function startScheduler(name: string): RookeryProcess {
  const url = new URL(scene.database.url);
  url.searchParams.set('application_name', name);
  return scene.start('scheduler', [], { DATABASE_URL: url.href });
}

/** The scheduler that is firing at this moment. */
async function firing(): Promise<string | undefined> {
  const rows = await scene.database.query<{ name: string }>(
    `SELECT split_part(application_name, ':', 1) AS name FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND query LIKE '%INSERT INTO schedule_fire%' AND pid <> pg_backend_pid()`,
  );
  return rows.map(({ name }) => name).find((name) => SCHEDULERS.includes(name));
}

interface Fired {
  readonly fires: number;
  readonly jobs: number;
  readonly shared: number;
  readonly gaps: number;
}

/** What was fired of a schedule of every second: how many times, with how many jobs, and how many seconds were left out. */
async function fired(name: string): Promise<Fired> {
  const [row] = await scene.database.query<Fired>(
    `SELECT (SELECT count(*)::int FROM schedule_fire WHERE schedule = $1) AS fires, (SELECT count(*)::int FROM job WHERE schedule = $1) AS jobs,
            (SELECT count(*)::int FROM (SELECT job_id FROM schedule_fire WHERE schedule = $1 GROUP BY job_id HAVING count(*) > 1) AS twice) AS shared,
            (SELECT count(*)::int FROM (SELECT fire_at - lag(fire_at) OVER (ORDER BY fire_at) AS step FROM schedule_fire WHERE schedule = $1) AS steps
              WHERE step <> interval '1 s') AS gaps`,
    [name],
  );
  if (!row) throw new Error('no answer');
  return row;
}

async function expectEachOnce(name: string): Promise<void> {
  const { fires, jobs, shared, gaps } = await fired(name);
  expect({ jobs, shared, gaps }).toEqual({ jobs: fires, shared: 0, gaps: 0 });
}

it(`fires each nominal time once, though whichever of three schedulers is firing is killed, ${KILLS} times`, async () => {
  const schedulers = new Map(SCHEDULERS.map((name) => [name, startScheduler(name)]));
  await Promise.all([...schedulers.values()].map((one) => one.ready()));
  for (const name of SCHEDULES) {
    const body = { job: 'nap', every: '1s', payload: { ms: 0 }, catchUp: { all: 1_000 } };
    const response = await fetch(`${await job.ready()}/schedule/${name}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(201);
  }
  for (let kills = 0; kills < KILLS; kills++) {
    const name = await eventually(firing, { withinMs: 60_000, everyMs: 2 });
    const victim = schedulers.get(name);
    victim?.signal('SIGKILL');
    await victim?.ended;
    schedulers.set(name, startScheduler(name));
  }
  const before = await fired('a');
  await eventually(async () => (await fired('a')).fires > before.fires + 3, { withinMs: 60_000 });
  await scene.stopAll();
  for (const name of SCHEDULES) {
    await expectEachOnce(name);
    expect((await fired(name)).fires).toBeGreaterThan(10);
  }
  // The control: a second that was left out would be seen, and so would one that was fired twice.
  await scene.database.query(
    `DELETE FROM schedule_fire WHERE ctid = (SELECT ctid FROM schedule_fire WHERE schedule = 'a' ORDER BY fire_at OFFSET 5 LIMIT 1)`,
  );
  await expect(expectEachOnce('a')).rejects.toThrow();
  await enqueueLike('b');
  await expect(expectEachOnce('b')).rejects.toThrow();
});

/** A job too many, as a fire that was done twice would have made. */
async function enqueueLike(schedule: string): Promise<void> {
  const again = scene.start('job');
  const id = await enqueue(again, 'nap', { ms: 0 });
  await scene.database.query('UPDATE job SET schedule = $1 WHERE id = $2', [schedule, id]);
}
