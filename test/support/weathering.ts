import { expect } from 'vitest';
import { inWords } from './invariants.js';
import { Storm, type StormReport } from './storm.js';
import { TARGETS } from './storm-plan.js';

/**
 * Lets a storm rage and asserts that it was one, and that nothing is broken after it; then that a run of two workers, an end of a process that
 * nothing explains, a rewritten outcome and a deleted job would have been seen. `replay` is told with whatever fails.
 */
export async function expectToWeather(seed: number, seconds: number, replay: string): Promise<StormReport> {
  const storm = new Storm(seed, seconds);
  try {
    await storm.open();
    await storm.rage();
    const report = await storm.report();
    const told = `${JSON.stringify(report, undefined, 2)}\nagain: ${replay}`;
    expect(inWords(await storm.breaches()), told).toBe('');
    expect(report.surprises, told).toEqual([]);
    expect(report.ownEnds, told).toEqual([]);
    for (const target of TARGETS) expect(report.kills[target], `${target} ${told}`).toBeGreaterThan(0);
    const { lost, accepted, batches, fires, byHand } = report;
    for (const count of [lost, accepted, batches, fires, byHand.cancel, byHand.retry])
      expect(count, told).toBeGreaterThan(0);
    await expectToBeSeen(storm);
    return report;
  } catch (cause) {
    throw new Error(`the storm of seed ${seed} broke something; again: ${replay}\n${String(cause)}`, {
      cause,
    });
  } finally {
    await storm.close();
  }
}

/** The control: what no process of ours would do. */
async function expectToBeSeen(storm: Storm): Promise<void> {
  const rules = async (): Promise<string[]> => (await storm.breaches()).map(({ rule }) => rule);
  await storm.doubleFirstBegin();
  expect(await rules()).toEqual(['outbox']);
  await storm.killUnplanned();
  expect((await storm.report()).ownEnds).toEqual([expect.stringMatching(/^status ended with SIGKILL: /)]);
  await storm.query(
    `UPDATE job SET status = 'failed', discarded_at = now() WHERE id = (SELECT id FROM job WHERE status = 'done' LIMIT 1)`,
  );
  expect(await rules()).toEqual(expect.arrayContaining(['record', 'counters']));
  expect(await rules()).not.toContain('accepted');
  await storm.query('DELETE FROM job WHERE id = $1', [storm.accepted[0]?.id]);
  expect(await rules()).toContain('accepted');
}
