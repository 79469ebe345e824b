import type { Command } from 'commander';
import { formatDuration } from '../../kernel/durations.js';
import type { PreviewAnswer, ScheduleAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { flagsOf } from '../flags-of.js';
import { numberFlag } from '../parse-flags.js';
import { readPayload } from '../read-payload.js';
import { table } from '../table.js';

interface SetFlags extends ServerFlags {
  readonly cron?: string;
  readonly every?: string;
  readonly timeZone?: string;
  readonly job: string;
  readonly catchUp?: string;
  readonly jitter?: string;
  readonly startAt?: string;
  readonly endAt?: string;
  readonly paused?: boolean;
}

/** `rookery schedules`: the schedules, and what may be done to one. */
export function schedulesCommand(parent: Command, context: CliContext): void {
  const schedules = serverCommand(
    parent,
    'schedules',
    'list the schedules; show, set, pause, trigger and preview them',
  ).action(async (flags: ServerFlags) => {
    const { body } = await context
      .client(flags)
      .get<{ readonly schedules: readonly ScheduleAnswer[] }>('/schedule');
    if (flags.json === true) context.printJson(body);
    else tellList(context, body.schedules);
  });
  showCommand(schedules, context);
  setCommand(schedules, context);
  for (const [act, about, told] of [
    ['pause', 'fire no more until it is resumed', 'is paused'],
    ['resume', 'fire again, from now on', 'fires again'],
  ] as const) {
    named(schedules, act, about, async (name, flags) => {
      const { body } = await context.client(flags).post<ScheduleAnswer>(`${pathOf(name)}/${act}`);
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`${name} ${told}`);
    });
  }
  named(schedules, 'trigger', 'make its job now', async (name, flags) => {
    const { body } = await context.client(flags).post<{ readonly jobId: string }>(`${pathOf(name)}/trigger`);
    if (flags.json === true) context.printJson(body);
    else context.terminal.print(`enqueued ${context.terminal.paint('bold', body.jobId)}`);
  });
  named(schedules, 'delete', 'remove it; its jobs stay', async (name, flags) => {
    await context.client(flags).delete(pathOf(name));
    if (flags.json === true) context.printJson({ name, deleted: true });
    else context.terminal.print(`${name} is removed`);
  });
  previewCommand(schedules, context);
}

const pathOf = (name: string): string => `/schedule/${encodeURIComponent(name)}`;

/** A command for one schedule. */
function named(
  schedules: Command,
  act: string,
  about: string,
  run: (name: string, flags: ServerFlags) => Promise<void>,
): void {
  serverCommand(schedules, act, about)
    .argument('<name>', 'the schedule')
    .action((name: string, _flags: ServerFlags, command: Command) =>
      run(name, flagsOf<ServerFlags>(command)),
    );
}

function showCommand(schedules: Command, context: CliContext): void {
  named(schedules, 'show', 'show a schedule and its last fires', async (name, flags) => {
    const { body } = await context.client(flags).get<ScheduleAnswer>(pathOf(name));
    if (flags.json === true) context.printJson(body);
    else tell(context, body);
  });
}

function setCommand(schedules: Command, context: CliContext): void {
  serverCommand(schedules, 'set', 'make a schedule, or change it')
    .argument('<name>', 'the schedule')
    .argument('[payload]', 'the payload of its jobs: JSON, @file or - for standard input', '{}')
    .requiredOption('--job <name>', 'the job type')
    .option('--cron <fields>', '5 fields, 6 with seconds first, or @daily and the like')
    .option('--every <duration>', 'an interval, as 15m')
    .option('--time-zone <zone>', 'whose clocks the cron means; UTC when absent')
    .option('--catch-up <rule>', 'skip, latest, or a number: what of the fires missed is made up for')
    .option('--jitter <duration>', 'start each job up to this much later, at random')
    .option('--start-at <time>', 'no fire before, as 2030-01-31T03:00:00Z')
    .option('--end-at <time>', 'no fire after')
    .option('--paused', 'do not fire until it is resumed')
    .addHelpText(
      'after',
      `\nExample:\n  rookery schedules set nightly --job example:job --cron '0 2 * * *' --time-zone Europe/Berlin '{"param":"x"}'`,
    )
    .action(async (name: string, payload: string, _flags: SetFlags, command: Command) => {
      const flags = flagsOf<SetFlags>(command);
      const { cron, every, timeZone, job, jitter, startAt, endAt, paused, catchUp } = flags;
      const body = {
        ...{ cron, every, timeZone, job, jitter, startAt, endAt, paused },
        payload: await readPayload(payload, context.stdin),
        catchUp: catchUp !== undefined && /^\d+$/.test(catchUp) ? { all: Number(catchUp) } : catchUp,
      };
      const { body: schedule, status } = await context
        .client(flags)
        .put<ScheduleAnswer>(pathOf(name), { body });
      if (flags.json === true) return context.printJson(schedule);
      context.terminal.print(
        `${status === 201 ? 'made' : 'changed'} ${name}; it fires next at ${schedule.nextFireAt ?? 'no time'}`,
      );
    });
}

function previewCommand(schedules: Command, context: CliContext): void {
  serverCommand(schedules, 'preview', 'list the next fires, and what changes of clocks do to them')
    .argument('<name>', 'the schedule')
    .option('-n <count>', 'how many, at most 1000', '10')
    .action(async (name: string, _flags: ServerFlags, command: Command) => {
      const flags = flagsOf<ServerFlags & { readonly n: string }>(command);
      const query = { n: String(numberFlag('-n', flags.n)) };
      const { body } = await context.client(flags).get<PreviewAnswer>(`${pathOf(name)}/preview`, { query });
      if (flags.json === true) return context.printJson(body);
      for (const { fireAt, local, note } of body.fires) {
        const told = note === undefined ? '' : `  ${context.terminal.paint('yellow', note)}`;
        context.terminal.print(`${fireAt}  ${local}${told}`);
      }
      if (body.fires.length === 0) context.terminal.note('it has no fire left');
    });
}

function tellList({ terminal }: CliContext, schedules: readonly ScheduleAnswer[]): void {
  if (schedules.length === 0) return terminal.note('no schedules');
  const rows = schedules.map((schedule) => [
    schedule.name,
    stateOf(schedule),
    whenOf(schedule),
    schedule.job,
    schedule.nextFireAt ?? '',
    schedule.lastFireAt ?? '',
    schedule.source,
  ]);
  const headings = ['SCHEDULE', 'STATE', 'WHEN', 'JOB', 'NEXT', 'LAST', 'FROM'];
  for (const line of table(headings, rows, (cell, column) =>
    column === 1 && cell !== 'fires' ? terminal.paint('yellow', cell) : cell,
  )) {
    terminal.print(line);
  }
}

function tell({ terminal }: CliContext, schedule: ScheduleAnswer): void {
  const facts: [string, string | null][] = [
    ['name', schedule.name],
    ['state', stateOf(schedule)],
    ['when', whenOf(schedule)],
    ['job', schedule.job],
    ['payload', JSON.stringify(schedule.payload)],
    ['catch-up', JSON.stringify(schedule.catchUp)],
    ['next', schedule.nextFireAt],
    ['last', schedule.lastFireAt],
    ['from', schedule.source],
    ['error', schedule.error && terminal.paint('red', schedule.error)],
  ];
  for (const [name, value] of facts) if (value !== null) terminal.print(`${name.padEnd(8)}  ${value}`);
  const { fires = [] } = schedule;
  if (fires.length > 0) terminal.print('fires');
  for (const { fireAt, jobId, manual } of fires)
    terminal.print(`  ${fireAt}  ${jobId}${manual ? '  by hand' : ''}`);
}

function stateOf({ paused, orphaned, error }: ScheduleAnswer): string {
  if (orphaned) return 'orphaned';
  if (paused) return 'paused';
  return error === null ? 'fires' : 'fails';
}

function whenOf({ cron, everyMs, timeZone }: ScheduleAnswer): string {
  return cron === null ? `every ${formatDuration(everyMs ?? 0)}` : `${cron} (${timeZone})`;
}
