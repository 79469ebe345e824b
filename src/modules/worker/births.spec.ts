import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.js';
import { IdGenerator } from '../../kernel/ids.js';
import type { NewJob } from '../job/index.js';
import { Births } from './births.js';
import { HeldRuns } from './held-runs.js';
import { Slots } from './slots.js';

const ids = new IdGenerator(systemClock);
const at = new Date();

function newJob(rest: Partial<NewJob> = {}): NewJob {
  return {
    id: ids.next(),
    queue: 'mail',
    name: 'letter',
    lane: 'normal',
    payload: '{"n": 1}',
    maxAttempts: 3,
    ...rest,
  };
}

/** A line of five slots, of which the test decides everything else. */
function line() {
  const lease = { workerId: 'w', isHeldAs: (id: string) => id === lease.workerId };
  const state = { most: 100 };
  const held = new HeldRuns();
  const slots = new Slots(5);
  const started: { readonly id: string; readonly workerId: string }[] = [];
  const givenBack: { readonly id: string; readonly workerId: string; told(): void }[] = [];
  const births = new Births({
    queue: 'mail',
    names: new Set(['letter']),
    slots,
    held,
    lease,
    mostAtOnce: () => state.most,
    start: ({ id }, workerId) => void started.push({ id, workerId }),
    giveBack: ({ id }, workerId, told) => void givenBack.push({ id, workerId, told }),
  });
  return { state, lease, slots, held, started, givenBack, births };
}

describe('a claim on jobs that are about to be stored', () => {
  it('takes a slot for each, and begins their runs in order at the end of the turn', async () => {
    const { births, slots, started } = line();
    const jobs = [newJob(), newJob()];
    const birth = births.claim(jobs);
    expect(birth?.workerId).toBe('w');
    expect(slots.busy).toBe(2);
    birth?.begin(jobs, at);
    expect(started).toEqual([]);
    await turn();
    expect(started.map(({ id }) => id)).toEqual(jobs.map(({ id }) => id));
    expect(slots.busy).toBe(2);
  });

  it.each<[string, () => NewJob[]]>([
    ['more jobs than slots', () => Array.from({ length: 6 }, () => newJob())],
    ['one of another queue', () => [newJob(), newJob({ queue: 'other' })]],
    ['one that has to wait', () => [newJob({ dueAt: at })]],
    ['one that nobody here can run', () => [newJob({ name: 'parcel' })]],
    ['one of another day', () => [newJob(), newJob({ id: '01000000-0000-7000-8000-000000000000' })]],
  ])('is not had for %s, and no slot is taken', (_, jobs) => {
    const { births, slots } = line();
    expect(births.claim(jobs())).toBeUndefined();
    expect(slots.busy).toBe(0);
  });

  it('is not had while older jobs may wait, nor for more than one claim may take', () => {
    const { births, slots, state } = line();
    state.most = 0;
    expect(births.claim([newJob()])).toBeUndefined();
    state.most = 1;
    expect(births.claim([newJob(), newJob()])).toBeUndefined();
    expect(slots.busy).toBe(0);
    expect(births.claim([newJob()])).toBeDefined();
  });

  it('is not held once the lease is gone; jobs are then told of under the id they were stored with', async () => {
    const { births, started, givenBack, lease } = line();
    const [first, second] = [newJob(), newJob()];
    const birth = births.claim([first, second]);
    expect(birth?.isHeld).toBe(true);
    lease.workerId = 'another';
    expect(birth?.isHeld).toBe(false);
    birth?.begin([first], at);
    birth?.giveUp([second]);
    await turn();
    expect(started).toEqual([{ id: first.id, workerId: 'w' }]);
    expect(givenBack).toMatchObject([{ id: second.id, workerId: 'w' }]);
  });

  it('gives slots back at once for what is not stored, and with the record for what may be', () => {
    const { births, slots, held, givenBack } = line();
    const [first, second] = [newJob(), newJob()];
    const birth = births.claim([first, second]);
    birth?.release(1);
    expect(slots.busy).toBe(1);
    birth?.giveUp([second]);
    expect(givenBack.map(({ id }) => id)).toEqual([second.id]);
    expect(slots.busy).toBe(1);
    expect([...held.workerIds]).toEqual(['w']);
    givenBack[0]?.told();
    expect(slots.busy).toBe(0);
    expect([...held.workerIds]).toEqual([]);
  });
});

describe('a stop', () => {
  it('waits until the last job that is being stored has begun or is not to', async () => {
    const { births, started } = line();
    const [first, second] = [newJob(), newJob()];
    const birth = births.claim([first, second]);
    let isOver = false;
    const over = births.stop().then(() => (isOver = true));
    birth?.begin([first], at);
    await turn();
    expect({ isOver, started }).toEqual({ isOver: false, started: [{ id: first.id, workerId: 'w' }] });
    birth?.release(1);
    await over;
  });

  it('does not wait long, and what is stored later begins no more but waits again', async () => {
    const { births, started, givenBack } = line();
    const jobs = [newJob()];
    const birth = births.claim(jobs);
    await births.stop();
    birth?.begin(jobs, at);
    await turn();
    expect(started).toEqual([]);
    expect(givenBack.map(({ id }) => id)).toEqual([jobs[0]?.id]);
  });
});
