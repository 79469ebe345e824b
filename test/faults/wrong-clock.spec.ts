import { beforeAll, expect, it } from 'vitest';
import { idTime } from '../../src/kernel/ids.js';
import { expectEach, expectUnbroken, metricOf, nothingIsOpen, outcomesIn } from '../support/fault-load.js';
import { enqueueBulk } from '../support/process-api.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useServiceScene } from '../support/service-scene.js';

const MINUTE_MS = 60_000;
const OFF_MS = 5 * MINUTE_MS;
/** What a loaded machine may take between two statements of a test. */
const TOLERANCE_MS = 10_000;

const scene = useServiceScene({ jobs: 'workload' });
let ahead: RookeryProcess;
let behind: RookeryProcess;
let taker: RookeryProcess;

/** A process whose every reading of the wall clock is off, from before the first line of the program. */
function offBy(ms: number): Record<string, string> {
  const source = `
    const Real = Date, by = ${ms};
    globalThis.Date = class Date extends Real {
      constructor(...args) { args.length === 0 ? super(Real.now() + by) : super(...args); }
      static now() { return Real.now() + by; }
    };
    Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + by });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
}

/** How far the process's clock is from this one's, as its log lines bear it. */
async function offOf(started: RookeryProcess): Promise<number> {
  const [, at = ''] = await started.line(/(\d{4}-\d\d-\d\dT[\d:.]+Z).* ready: /);
  return Date.parse(at) - Date.now();
}

beforeAll(async () => {
  const settings = { ROOKERY_DEFAULTS_VISIBILITY_TIMEOUT: '15s', ROOKERY_DEFAULTS_POLL_INTERVAL: '2s' };
  taker = scene.start('job,scheduler', [], { ...settings, ...offBy(OFF_MS) });
  await taker.ready();
  ahead = scene.start('worker', [], { ...settings, ...offBy(OFF_MS) });
  behind = scene.start('worker', [], { ...settings, ...offBy(-OFF_MS) });
  await Promise.all([ahead.ready(), behind.ready()]);
  // The control: the clocks are off.
  for (const started of [taker, ahead]) expect(await offOf(started)).toBeGreaterThan(OFF_MS - MINUTE_MS);
  expect(await offOf(behind)).toBeLessThan(MINUTE_MS - OFF_MS);
}, 120_000);

it('clocks that are five minutes off, either way, harm no id, lease, delay or backoff', async () => {
  const before = Date.now();
  const work = (payload: object, options: object = {}): object[] =>
    Array.from({ length: 40 }, () => ({ name: 'work', payload, maxAttempts: 5, ...options }));
  const fresh = await enqueueBulk(taker, work({ ms: 100 }));
  const failing = await enqueueBulk(taker, work({ ms: 5, failures: 2 }));
  const delayed = await enqueueBulk(taker, work({ ms: 5 }, { delay: '3s' }));
  // Held while several heartbeats and looks of the rescuer go by.
  const long = await enqueueBulk(taker, work({ ms: 18_000 }).slice(0, 6));
  const ids = [...fresh, ...failing, ...delayed, ...long];
  const after = Date.now();
  for (const id of ids) {
    expect(idTime(id)).toBeGreaterThan(before - TOLERANCE_MS);
    expect(idTime(id)).toBeLessThan(after + TOLERANCE_MS);
  }
  await nothingIsOpen(scene.database.query);
  await expectEach(scene.database.query, ids, 'done');
  for (const worker of [ahead, behind]) {
    expect(await metricOf(worker, 'rookery_leases_lost_total')).toBe(0);
    expect(await metricOf(worker, 'rookery_fence_refusals_total')).toBe(0);
    expect(await metricOf(worker, 'rookery_jobs_settled_total', 'outcome="succeeded"')).toBeGreaterThan(0);
  }
  expect(await outcomesIn(scene.database.query)).toEqual({ failed: 2 * failing.length });
  const waits = await scene.database.query<{ ms: number }>(
    `SELECT extract(epoch FROM started_at)::float8 * 1000 AS ms FROM job WHERE id = ANY ($1::uuid[])`,
    [delayed],
  );
  expect(waits).toHaveLength(delayed.length);
  for (const { ms } of waits) {
    expect(ms).toBeGreaterThanOrEqual(before + 3_000);
    expect(ms).toBeLessThan(after + 3_000 + TOLERANCE_MS + 18_000);
  }
  await expectUnbroken(scene, ids);
});
