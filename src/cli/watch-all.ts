import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../kernel/clock.js';
import type { AttentionAnswer, QueueAnswer, TotalsAnswer, WorkerAnswer } from './api-answers.js';
import type { ApiClient } from './api-client.js';
import type { CliContext } from './cli-context.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';
import { liveView, type Overview } from './live-view.js';
import { onQuit } from './on-quit.js';

export interface WatchAllOptions {
  /** Between two looks, in ms. */
  readonly everyMs: number;
  /** One line of JSON a look instead of a view. */
  readonly isJson: boolean;
}

/**
 * Shows how everything is, again and again, until it is left by q, Ctrl-C or a signal. A server that goes away is waited for, but by programs,
 * who are told at once; one that is not there at the start, or refuses, is an error. Throws a usage error where there is no terminal to show it on.
 */
export async function watchAll(
  client: ApiClient,
  context: CliContext,
  { everyMs, isJson }: WatchAllOptions,
): Promise<void> {
  const quit = new AbortController();
  const forget = onQuit(context.stdin, () => quit.abort());
  try {
    if (isJson) await tellOnAndOn(client, context, everyMs, quit.signal);
    else await showOnAndOn(client, context, everyMs, quit.signal);
  } catch (error) {
    // What was under way is given up, and fails for that.
    if (!quit.signal.aborted) throw error;
  } finally {
    forget();
  }
}

async function tellOnAndOn(
  client: ApiClient,
  context: CliContext,
  everyMs: number,
  quit: AbortSignal,
): Promise<void> {
  while (!quit.aborted) {
    context.printJson(await look(client, quit));
    await pause(everyMs, quit);
  }
}

async function showOnAndOn(
  client: ApiClient,
  { terminal }: CliContext,
  everyMs: number,
  quit: AbortSignal,
): Promise<void> {
  let shown = await look(client, quit);
  let head = headOf(client);
  let trouble = '';
  const screen = terminal.screen();
  if (!screen) throw noTerminal();
  const paint = terminal.paint.bind(terminal);
  try {
    while (!quit.aborted) {
      screen.draw(liveView(shown, { head, trouble, rows: screen.rows, paint }));
      await pause(everyMs, quit);
      if (quit.aborted) return;
      try {
        shown = await look(client, quit);
        head = headOf(client);
        trouble = '';
      } catch (error) {
        trouble = awayText(error);
      }
    }
  } finally {
    screen.close();
  }
}

/** Which server, and when it was asked. */
function headOf(client: ApiClient): string {
  const at = new Date(systemClock.now()).toISOString().slice(0, 19).replace('T', ' ');
  return `Rookery at ${client.origin}  ${at} UTC  q quits`;
}

async function look(client: ApiClient, signal: AbortSignal): Promise<Overview> {
  const [totals, attention, queues, workers] = await Promise.all([
    client.get<TotalsAnswer>('/status', { signal }),
    client.get<{ readonly items: readonly AttentionAnswer[] }>('/attention', { signal }),
    client.get<{ readonly queues: readonly QueueAnswer[] }>('/queue', { signal }),
    client.get<{ readonly workers: readonly WorkerAnswer[] }>('/worker', { signal }),
  ]);
  return {
    totals: totals.body,
    attention: attention.body.items,
    queues: queues.body.queues,
    workers: workers.body.workers,
  };
}

/** What to say of a server that cannot be asked now; any other error is thrown on. */
function awayText(error: unknown): string {
  if (error instanceof CliError && error.exitCode === exitCodes.unreachable)
    return `${error.message}; what is below is as it was`;
  throw error;
}

function noTerminal(): CliError {
  return new CliError(exitCodes.usage, 'a live view needs a terminal to show it on', [
    'rookery status tells the totals once',
    'rookery watch --json tells them again and again, for programs',
  ]);
}

async function pause(ms: number, quit: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal: quit }).catch(() => undefined);
}
