import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import type { RookeryProcess } from '../support/rookery-process.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ fixtures: { hanging: 'dist/jobs' } });

const BOOT_HOOKS = ['onModuleInit', 'onApplicationBootstrap'] as const;
const END_HOOKS = ['onModuleDestroy', 'onApplicationShutdown'] as const;

/** Longer than a hook of the application is waited for when nobody is in a hurry. */
const LONGEST_MS = 10_000;

/** Starts a process that hangs in that hook and was told to stop. */
async function stoppedIn(hook: string): Promise<RookeryProcess> {
  const started = scene.start([], { HANGS_IN: hook });
  const isOfBoot = BOOT_HOOKS.some((one) => one === hook);
  await (isOfBoot ? started.line(/^hangs in/) : started.ready());
  started.signal('SIGTERM');
  await started.line(/stopping: SIGTERM/);
  await started.line(/^hangs in/);
  return started;
}

describe('a hook of the application that never ends', () => {
  it.each([...BOOT_HOOKS, ...END_HOOKS])(
    'does not keep a process from ending at once that gets a second signal: %s',
    async (hook) => {
      const started = await stoppedIn(hook);
      const began = performance.now();
      await eventually(
        () => {
          if (started.isRunning) started.signal('SIGTERM');
          return !started.isRunning;
        },
        { everyMs: 100, withinMs: 60_000 },
      );
      expect(performance.now() - began).toBeLessThan(LONGEST_MS);
      const { code, output } = await started.ended;
      expect(code, output).toBe(1);
      expect(output).toMatch(/stopped at once: SIGTERM again$/);
      await scene.nothingIsLeft();
    },
  );

  it.each(['onModuleInit', 'onModuleDestroy'])(
    'does not keep a process from ending after a while, which says what it did not wait for: %s',
    async (hook) => {
      const started = await stoppedIn(hook);
      const { code, output } = await started.ended;
      expect(code, output).toBe(0);
      expect(output).toMatch(new RegExp(`waits no longer for the application: .*${hook}[^]*stopped$`));
      await scene.nothingIsLeft();
    },
  );
});
