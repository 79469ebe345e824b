import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../kernel/clock.js';
import { IdGenerator } from '../../kernel/ids.js';
import type { NewJob } from '../job/index.js';
import { Births } from './births.js';
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
  const state = { isOpen: true, isHeld: true };
  const slots = new Slots(5);
  const started: string[] = [];
  const claimed: string[] = [];
  const births = new Births({
    queue: 'mail',
    slots,
    runs: (name) => name === 'letter',
    isOpen: () => state.isOpen,
    workerId: () => 'w',
    isHeldBy: () => state.isHeld,
    start: (job) => void started.push(job.id),
    claim: (wanted) => {
      claimed.push(...wanted);
      slots.release(wanted.length);
      return Promise.resolve();
    },
  });
  return { state, slots, started, claimed, births };
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
    expect(started).toEqual(jobs.map(({ id }) => id));
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

  it('is not had while older jobs may wait', () => {
    const { births, slots, state } = line();
    state.isOpen = false;
    expect(births.claim([newJob()])).toBeUndefined();
    expect(slots.busy).toBe(0);
  });

  it('leaves jobs to the rescue when the lease was lost before they begin', async () => {
    const { births, slots, started, state } = line();
    const jobs = [newJob()];
    const birth = births.claim(jobs);
    birth?.begin(jobs, at);
    state.isHeld = false;
    await births.none();
    expect(started).toEqual([]);
    expect(slots.busy).toBe(0);
  });

  it('asks for those of which nothing is known, but not under a lease that is gone', async () => {
    const { births, slots, claimed, state } = line();
    const [first, second] = [newJob(), newJob()];
    const birth = births.claim([first, second]);
    birth?.resolve([first]);
    state.isHeld = false;
    birth?.resolve([second]);
    await births.none();
    expect(claimed).toEqual([first.id]);
    expect(slots.busy).toBe(0);
  });

  it('is waited for until the last of its jobs has begun or is not to', async () => {
    const { births } = line();
    const [first, second] = [newJob(), newJob()];
    const birth = births.claim([first, second]);
    let isOver = false;
    const over = births.none().then(() => (isOver = true));
    birth?.begin([first], at);
    await turn();
    expect(isOver).toBe(false);
    birth?.resolve([second]);
    await over;
  });
});
