import { describe, expect, it } from 'vitest';
import { Lifecycle, shutdownPhases } from './lifecycle.js';

/** Longer than anything in here takes, so that only a broken test reaches it. */
const AMPLE_MS = 10_000;

function never(): Promise<void> {
  return new Promise(() => undefined);
}

describe('a shutdown', () => {
  it('runs the phases in their order, whatever the order of registration', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    for (const phase of [...shutdownPhases].reverse()) {
      lifecycle.register(phase, phase, AMPLE_MS, () => void ran.push(phase));
    }
    expect(await lifecycle.stop()).toEqual([]);
    expect(ran).toEqual([...shutdownPhases]);
  });

  it('begins a phase when every step of the one before has ended', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    lifecycle.register('unready', 'slow', AMPLE_MS, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ran.push('slow');
    });
    lifecycle.register('unready', 'quick', AMPLE_MS, () => void ran.push('quick'));
    lifecycle.register('intake', 'later', AMPLE_MS, () => void ran.push('later'));
    await lifecycle.stop();
    expect(ran).toEqual(['quick', 'slow', 'later']);
  });

  it('runs the steps of a phase side by side', async () => {
    const lifecycle = new Lifecycle();
    let meet: () => void = () => undefined;
    const met = new Promise<void>((resolve) => (meet = resolve));
    lifecycle.register('running', 'waits for the other', AMPLE_MS, () => met);
    lifecycle.register('running', 'the other', AMPLE_MS, () => meet());
    expect(await lifecycle.stop()).toEqual([]);
  });

  it('runs once, however often it is asked for', async () => {
    const lifecycle = new Lifecycle();
    let runs = 0;
    lifecycle.register('database', 'close', AMPLE_MS, () => void runs++);
    const [first, second] = await Promise.all([lifecycle.stop(), lifecycle.stop()]);
    expect(second).toBe(first);
    await lifecycle.stop();
    expect(runs).toBe(1);
  });

  it('is told from its first moment', async () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.isStopping).toBe(false);
    const stopped = lifecycle.stop();
    expect(lifecycle.isStopping).toBe(true);
    await stopped;
    expect(lifecycle.isStopping).toBe(true);
  });

  it('has nothing to report when nothing was registered', async () => {
    expect(await new Lifecycle().stop()).toEqual([]);
  });
});

describe('a step that comes while the shutdown runs', () => {
  it('runs at once when its phase has begun, and the next phase begins when it has ended', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    lifecycle.register('unready', 'first', AMPLE_MS, async () => {
      await nextTurn();
      lifecycle.register('unready', 'late', AMPLE_MS, async () => {
        await nextTurn();
        ran.push('late');
      });
      ran.push('first');
    });
    lifecycle.register('intake', 'next phase', AMPLE_MS, () => void ran.push('next phase'));
    expect(await lifecycle.stop()).toEqual([]);
    expect(ran).toEqual(['first', 'late', 'next phase']);
  });

  it('runs at once when its phase is over, and what is still to come waits for it', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    lifecycle.register('running', 'first', AMPLE_MS, () => {
      lifecycle.register('intake', 'late', AMPLE_MS, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        ran.push('late');
      });
    });
    lifecycle.register('lease', 'next phase', AMPLE_MS, () => void ran.push('next phase'));
    await lifecycle.stop();
    expect(ran).toEqual(['late', 'next phase']);
  });

  it('runs also when the shutdown is over', async () => {
    const lifecycle = new Lifecycle();
    await lifecycle.stop();
    await new Promise<void>((resolve) => lifecycle.register('database', 'late', AMPLE_MS, resolve));
  });

  it('is reported when it goes wrong, and waited for no longer than its budget', async () => {
    const lifecycle = new Lifecycle();
    lifecycle.register('intake', 'first', AMPLE_MS, () => {
      lifecycle.register('intake', 'hangs', 5, never);
    });
    expect(await lifecycle.stop()).toMatchObject([
      { phase: 'intake', step: 'hangs', error: { message: 'did not end within 5 ms' } },
    ]);
  });

  it('takes its turn when its phase is still to come', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    lifecycle.register('intake', 'first', AMPLE_MS, () => {
      lifecycle.register('outlets', 'early enough', AMPLE_MS, () => void ran.push('early enough'));
    });
    lifecycle.register('running', 'before it', AMPLE_MS, () => void ran.push('before it'));
    await lifecycle.stop();
    expect(ran).toEqual(['before it', 'early enough']);
  });
});

describe('a step that goes wrong', () => {
  it('is reported and keeps none of the others from running', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    const failure = new Error('refused');
    lifecycle.register('intake', 'throws', AMPLE_MS, () => {
      throw failure;
    });
    lifecycle.register('intake', 'rejects', AMPLE_MS, () => Promise.reject(failure));
    lifecycle.register('intake', 'neighbour', AMPLE_MS, () => void ran.push('neighbour'));
    lifecycle.register('database', 'later', AMPLE_MS, () => void ran.push('later'));
    expect(await lifecycle.stop()).toEqual([
      { phase: 'intake', step: 'throws', error: failure },
      { phase: 'intake', step: 'rejects', error: failure },
    ]);
    expect(ran).toEqual(['neighbour', 'later']);
  });

  it('is waited for no longer than its budget', async () => {
    const lifecycle = new Lifecycle();
    const ran: string[] = [];
    lifecycle.register('running', 'hangs', 5, never);
    lifecycle.register('lease', 'later', AMPLE_MS, () => void ran.push('later'));
    const failures = await lifecycle.stop();
    expect(failures).toMatchObject([
      { phase: 'running', step: 'hangs', error: { message: 'did not end within 5 ms' } },
    ]);
    expect(ran).toEqual(['later']);
  });

  it('is reported as an error also when it throws something else', async () => {
    const lifecycle = new Lifecycle();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- this is what the test is about
    lifecycle.register('outlets', 'throws text', AMPLE_MS, () => Promise.reject('oops'));
    const [failure] = await lifecycle.stop();
    expect(failure?.error).toBeInstanceOf(Error);
    expect(failure?.error.message).toContain('oops');
  });
});
