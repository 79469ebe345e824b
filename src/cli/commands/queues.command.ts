import type { Command } from 'commander';
import { formatDuration, type Duration } from '../../kernel/durations.js';
import type { QueueAnswer, QueueSettingsAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { CliError } from '../cli-error.js';
import { exitCodes } from '../exit-codes.js';
import { flagsOf } from '../flags-of.js';
import { durationWithUnit, numberFlag } from '../parse-flags.js';
import { table } from '../table.js';

interface SetFlags extends ServerFlags {
  readonly concurrency?: string;
  readonly retryConcurrency?: string;
  readonly timeout?: string;
}

/** Leaves a setting to each process again. */
const OWN = 'own';

/** `rookery queues`: the queues, and what may be done to one. */
export function queuesCommand(parent: Command, context: CliContext): void {
  const queues = serverCommand(parent, 'queues', 'list the queues; pause, resume or set one').action(
    async (flags: ServerFlags) => {
      const { body } = await context.client(flags).get<{ readonly queues: readonly QueueAnswer[] }>('/queue');
      if (flags.json === true) context.printJson(body);
      else tell(context, body.queues);
    },
  );
  changeCommand(queues, context, 'pause', 'start no more jobs of a queue; those that run go on');
  changeCommand(queues, context, 'resume', 'start jobs of a paused queue again');
  setCommand(queues, context);
}

function changeCommand(parent: Command, context: CliContext, act: 'pause' | 'resume', about: string): void {
  serverCommand(parent, act, about)
    .argument('<name>', 'the queue')
    .action(async (name: string, _flags: ServerFlags, command: Command) => {
      const flags = flagsOf<ServerFlags>(command);
      const { body } = await context.client(flags).post(`${pathOf(name)}/${act}`);
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`${name} ${act === 'pause' ? 'is paused' : 'runs'}`);
    });
}

function setCommand(parent: Command, context: CliContext): void {
  serverCommand(
    parent,
    'set',
    `set how a queue runs in every process, at once; "${OWN}" leaves it to each again`,
  )
    .argument('<name>', 'the queue')
    .option('--concurrency <n>', 'fresh jobs that one process runs at a time')
    .option('--retry-concurrency <n>', 'retried jobs that one process runs at a time')
    .option('--timeout <time>', 'longest a run may take, as 30s, or none')
    .action(async (name: string, _flags: SetFlags, command: Command) => {
      const flags = flagsOf<SetFlags>(command);
      const { body } = await context
        .client(flags)
        .patch<{ readonly settings: QueueSettingsAnswer }>(pathOf(name), { body: changeOf(flags) });
      if (flags.json === true) context.printJson(body);
      else
        context.terminal.print(`${name}: ${settingsText(body.settings) || 'as each process is configured'}`);
    });
}

const pathOf = (name: string): string => `/queue/${encodeURIComponent(name)}`;

/** The request that the flags come to. Throws a usage error when there are none. */
function changeOf({ concurrency, retryConcurrency, timeout }: SetFlags): Readonly<Record<string, unknown>> {
  if (concurrency === undefined && retryConcurrency === undefined && timeout === undefined) {
    throw new CliError(
      exitCodes.usage,
      'nothing to set; use --concurrency, --retry-concurrency or --timeout',
    );
  }
  return {
    ...(concurrency !== undefined && { concurrency: slots('--concurrency', concurrency) }),
    ...(retryConcurrency !== undefined && {
      retryConcurrency: slots('--retry-concurrency', retryConcurrency),
    }),
    ...(timeout !== undefined && {
      timeout: ownOr(timeout, (given) => durationWithUnit('--timeout', given)),
    }),
  };
}

function slots(flag: string, text: string): number | null {
  return ownOr(text, (given) => numberFlag(flag, given));
}

function ownOr<Value extends Duration>(text: string, read: (text: string) => Value): Value | null {
  return text === OWN ? null : read(text);
}

function tell({ terminal }: CliContext, queues: readonly QueueAnswer[]): void {
  if (queues.length === 0) return terminal.note('no queues yet');
  const rows = queues.map(({ name, paused, waiting, executing, oldestWaitingMs, settings }) => [
    name,
    paused ? 'paused' : 'runs',
    String(waiting),
    String(executing),
    oldestWaitingMs === null ? '' : `${(oldestWaitingMs / 1000).toFixed(1)} s`,
    settingsText(settings),
  ]);
  const headings = ['QUEUE', 'STATE', 'WAITING', 'EXECUTING', 'OLDEST', 'SET'];
  for (const line of table(headings, rows, (cell, column) =>
    column === 1 && cell === 'paused' ? terminal.paint('yellow', cell) : cell,
  )) {
    terminal.print(line);
  }
}

/** What was set by hand, in words; empty when nothing was. */
function settingsText({ concurrency, retryConcurrency, timeoutMs }: QueueSettingsAnswer): string {
  const parts = [];
  if (concurrency !== null) parts.push(`concurrency ${concurrency}`);
  if (retryConcurrency !== null) parts.push(`retry-concurrency ${retryConcurrency}`);
  if (timeoutMs !== null) parts.push(`timeout ${timeoutMs === 0 ? 'none' : formatDuration(timeoutMs)}`);
  return parts.join(', ');
}
