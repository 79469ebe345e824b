import { describe, expect, it } from 'vitest';
import { inWords } from '../support/invariants.js';
import { useRookeryScene } from '../support/rookery-scene.js';
import { complaintsOf, figuresOf } from '../support/soak-figures.js';
import { Soak } from '../support/soak.js';

const MINUTE_MS = 60_000;
const minutes = Number(process.env['SOAK_MINUTES'] ?? 30);
/** Long enough that compiling the code is a small part of it. */
const BURST_MS = 20_000;
/** Of what the burst came to: as a service that has room for a rush. */
const SHARE = 0.5;
const SAMPLE_MS = 3_000;
/** A quarter of a short soak; five minutes are enough for compiled code, full pools and a heap of its lasting size. */
const times = { warmUpMs: Math.min(5 * MINUTE_MS, (minutes * MINUTE_MS) / 4), windowMs: 30_000 };

describe('a process under steady load', () => {
  const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });
  /** Reached only by what hangs. */
  const timeout = (minutes + 30) * MINUTE_MS;

  it(
    `holds no more after ${minutes} minutes than before, loses nothing and stays as fast`,
    { timeout },
    async () => {
      const soak = new Soak(scene);
      try {
        await soak.open();
        const capacity = await soak.capacity(BURST_MS);
        await soak.run({ forMs: minutes * MINUTE_MS, roundsPerSecond: capacity * SHARE }, SAMPLE_MS);
        const figures = figuresOf(soak.samples, times);
        const ended = await soak.ended();
        const last = soak.samples.at(-1);
        const told = JSON.stringify(
          { capacity, accepted: soak.accepted.length, ended, figures, last },
          undefined,
          2,
        );
        process.stdout.write(`${told}\n`);
        expect(soak.surprises, told).toEqual([]);
        expect(Object.values(ended).reduce((sum, count) => sum + count, 0)).toBe(soak.accepted.length);
        for (const status of ['done', 'failed']) expect(ended[status], told).toBeGreaterThan(0);
        expect(inWords(await soak.breaches()), told).toBe('');
        expect(complaintsOf(figures), told).toEqual([]);
      } finally {
        await soak.close();
      }
    },
  );
});

describe('the control', () => {
  const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });

  it('reports a handler that keeps memory and files, within a minute and a half', async () => {
    const soak = new Soak(scene, 256);
    try {
      await soak.open();
      await soak.run({ forMs: 1.5 * MINUTE_MS, roundsPerSecond: 10 }, 500);
      const figures = figuresOf(soak.samples, { warmUpMs: MINUTE_MS / 3, windowMs: 10_000 });
      const complaints = complaintsOf(figures).join('\n');
      process.stdout.write(`${complaints}\n`);
      expect(complaints, JSON.stringify(figures)).toContain('the heap grows by');
      expect(complaints).toContain('the resident memory grows by');
      expect(complaints).toContain('open files');
      expect(complaints).not.toContain('connections');
    } finally {
      await soak.close();
    }
  });
});
