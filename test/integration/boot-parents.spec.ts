import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { BootApp, type BootEvent, type Running } from './boot-app.js';

let app: BootApp;

beforeAll(async () => {
  app = await BootApp.create();
});

afterEach(() => app.killAll());

afterAll(() => app.remove());

/** Starts a command and waits until the application behind it runs. */
async function started(command: readonly string[]): Promise<{ running: Running; tick: BootEvent }> {
  const running = app.run(command, { STAY: 'yes' });
  const tick = await eventually(() => running.last('tick'), { withinMs: 20_000 });
  return { running, tick };
}

/** Resolves after the application has ticked so often, 100 ms apart. */
async function ticks(running: Running, count: number): Promise<void> {
  const before = running.events.length;
  await eventually(() => running.events.length >= before + count);
}

describe('an application started through npm or the Nest CLI', () => {
  it.each([
    ['npm', ['npm', 'start'], 'SIGTERM'],
    ['npm', ['npm', 'start'], 'SIGKILL'],
    ['nest start', ['node', 'node_modules/.bin/nest', 'start', '--entry', 'worker'], 'SIGTERM'],
    ['nest start', ['node', 'node_modules/.bin/nest', 'start'], 'SIGKILL'],
    ['nest start --watch', ['node', 'node_modules/.bin/nest', 'start', '--watch'], 'SIGKILL'],
  ] as const)('notices the end of %s (%j, %s), and no process stays', async (_, command, signal) => {
    const { running } = await started(command);
    process.kill(running.pid, signal);
    await eventually(async () => (await app.processes()).length === 0);
    expect(running.last('orphaned')).toBeDefined();
  });

  it('notices the end of the shell between it and the Nest CLI', async () => {
    const { running, tick } = await started(['npm', 'start']);
    process.kill(Number(tick['ppid']), 'SIGKILL');
    await eventually(() => running.last('orphaned'));
  });

  it('has their flags also when it is started anew at every change', async () => {
    const { running } = await started(['npx', 'nest', 'start', '--watch', '--entry', 'worker']);
    expect(running.last('plan')?.['entries']).toEqual(['worker']);
  });

  it('goes on while they live', async () => {
    const { running } = await started(['npm', 'start']);
    await ticks(running, 12);
    expect(running.last('orphaned')).toBeUndefined();
  });
});

describe('an application started by a shell', () => {
  it('lives on when that shell ends', async () => {
    const { running, tick } = await started(['sh', '-c', 'node dist/main.js & wait']);
    process.kill(running.pid, 'SIGKILL');
    await eventually(() => running.last('tick')?.['ppid'] !== tick['ppid']);
    await ticks(running, 12);
    expect(running.last('orphaned')).toBeUndefined();
  });
});

describe('signals', () => {
  it('ask to stop once, however often the terminal and the Nest CLI send them, and to hurry when they come again', async () => {
    const { running, tick } = await started(['node', 'dist/main.js']);
    process.kill(tick.pid, 'SIGINT');
    process.kill(tick.pid, 'SIGTERM');
    await eventually(() => running.last('signal'));
    await ticks(running, 8);
    expect(running.events.filter(({ event }) => event === 'signal')).toHaveLength(1);
    expect(running.last('signal')).toMatchObject({ isUrgent: false });
    process.kill(tick.pid, 'SIGINT');
    await eventually(() => running.last('signal')?.['isUrgent'] === true);
  });
});
