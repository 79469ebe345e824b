import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { monotonicMs } from '../../kernel/clock.js';
import { askAgain } from '../ask-again.js';
import type { BatchAnswer, BatchListAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { CliError } from '../cli-error.js';
import { exitCodes } from '../exit-codes.js';
import { flagsOf } from '../flags-of.js';
import { type statusColour } from '../job-text.js';
import { numberFlag, withinMsOf } from '../parse-flags.js';
import { readPayload } from '../read-payload.js';
import { table } from '../table.js';
import { listMembers } from './batch-members.js';

/** Members may end by the thousand; the counts are looked at this often, in ms. */
const LOOK_EVERY_MS = 500;

interface WaitFlags extends ServerFlags {
  /** Empty for as long as it takes. */
  readonly wait?: string;
}

interface ListFlags extends ServerFlags {
  readonly status?: string;
  readonly key?: string;
  readonly limit: string;
  readonly cursor?: string;
}

interface CreateFlags extends WaitFlags {
  readonly name: string;
  readonly key?: string;
  readonly open?: boolean;
  readonly deadline?: string;
  readonly onComplete?: string;
}

/** `rookery batches`: the batches, newest first, and what may be done to one. */
export function batchesCommand(parent: Command, context: CliContext): void {
  const batches = serverCommand(
    parent,
    'batches',
    'list the batches, newest first; make, fill, seal and cancel them',
  )
    .option('--status <status>', 'open, running, complete or canceled')
    .option('--key <key>', 'of this key')
    .option('--limit <n>', 'batches a page, at most 1000', '20')
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (flags: ListFlags) => {
      const { status, key, cursor } = flags;
      const limit = String(numberFlag('--limit', flags.limit));
      const { body } = await context
        .client(flags)
        .get<BatchListAnswer>('/batch', { query: { status, key, cursor, limit } });
      if (flags.json === true) context.printJson(body);
      else tellList(context, body);
    });
  createCommand(batches, context);
  addCommand(batches, context);
  serverCommand(batches, 'show', 'show a batch')
    .argument('<id>', 'the batch')
    .option('--wait [duration]', 'wait until it is complete, at most this long')
    .action(async (id: string, _flags: WaitFlags, command: Command) => {
      const flags = flagsOf<WaitFlags>(command);
      const withinMs = withinMsOf(flags.wait);
      const batch = await batchOf(context, flags, id);
      if (withinMs === undefined) tellBatch(context, flags, batch);
      else await awaitBatch(context, flags, id, withinMs);
    });
  for (const [act, about] of [
    ['seal', 'take no more members; the batch completes with its last'],
    ['cancel', 'cancel a batch and its members that have not ended'],
  ] as const) {
    serverCommand(batches, act, about)
      .argument('<id>', 'the batch')
      .action(async (id: string, _flags: ServerFlags, command: Command) => {
        const flags = flagsOf<ServerFlags>(command);
        const { body } = await context.client(flags).post<BatchAnswer>(`${pathOf(id)}/${act}`);
        tellBatch(context, flags, body);
      });
  }
  listMembers(batches, context);
}

function createCommand(batches: Command, context: CliContext): void {
  serverCommand(batches, 'create', 'make a batch')
    .argument('[payloads]', 'a JSON array of payloads, @file or - for standard input', '[]')
    .requiredOption('--name <name>', 'the job type of its members')
    .option('--key <key>', 'the same key names the same batch')
    .option('--open', 'take more members until it is sealed; the default without payloads')
    .option('--deadline <when>', 'when it is canceled unless it is complete: 6h from now, or a time')
    .option('--on-complete <name>', 'the job type of the job that is made when it is complete')
    .option('--wait [duration]', 'wait until it is complete, at most this long')
    .addHelpText(
      'after',
      `\nExample:\n  rookery batches create --name example:job '[{"param":"a"},{"param":"b"}]' --wait`,
    )
    .action(async (payloads: string, _flags: CreateFlags, command: Command) => {
      const flags = flagsOf<CreateFlags>(command);
      const { name, key, open, deadline, onComplete } = flags;
      const withinMs = withinMsOf(flags.wait);
      const items = await readPayload(payloads, context.stdin);
      const body = { name, items, key, open, deadline, onComplete: onComplete && { name: onComplete } };
      const { body: batch, status } = await context.client(flags).post<BatchAnswer>('/batch', { body });
      if (flags.json !== true) {
        const made = status === 201 ? 'made batch' : 'made before, and nothing added: batch';
        context.terminal.print(`${made} ${context.terminal.paint('bold', batch.id)}`);
      } else if (withinMs === undefined) context.printJson(batch);
      if (withinMs !== undefined) await awaitBatch(context, flags, batch.id, withinMs);
    });
}

function addCommand(batches: Command, context: CliContext): void {
  serverCommand(batches, 'add', 'add members to an open batch')
    .argument('<id>', 'the batch')
    .argument('<payloads>', 'a JSON array of payloads, @file or - for standard input')
    .action(async (id: string, payloads: string, _flags: ServerFlags, command: Command) => {
      const flags = flagsOf<ServerFlags>(command);
      const items = await readPayload(payloads, context.stdin);
      const { body } = await context
        .client(flags)
        .post<{ readonly ids: readonly string[] }>(`${pathOf(id)}/jobs`, { body: { items } });
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`added ${body.ids.length} jobs`);
    });
}

const pathOf = (id: string): string => `/batch/${encodeURIComponent(id)}`;

async function batchOf(context: CliContext, flags: ServerFlags, id: string): Promise<BatchAnswer> {
  return (await context.client(flags).get<BatchAnswer>(pathOf(id))).body;
}

/** Waits behind a progress bar. Throws when the batch was canceled, when a member failed, or when the time is over. */
async function awaitBatch(
  context: CliContext,
  flags: WaitFlags,
  id: string,
  withinMs: number,
): Promise<void> {
  const endsAt = monotonicMs() + withinMs;
  const indicator = context.terminal.indicator('waiting');
  const ask = (): Promise<BatchAnswer> =>
    askAgain(() => batchOf(context, flags, id), {
      remedy: `batch ${id} is stored; rookery batches show ${id} --wait waits on`,
      untilMs: endsAt,
      onAway: () => indicator.update('the server does not answer'),
    });
  let batch: BatchAnswer;
  try {
    batch = await ask();
    while (batch.completedAt === null && monotonicMs() < endsAt) {
      const ended = batch.done + batch.failed + batch.canceled;
      indicator.update(`${ended} of ${batch.total}`, batch.total === 0 ? undefined : ended / batch.total);
      await pause(Math.min(LOOK_EVERY_MS, Math.max(0, endsAt - monotonicMs())));
      batch = await ask();
    }
  } finally {
    indicator.stop();
  }
  tellBatch(context, flags, batch);
  if (batch.completedAt === null) {
    throw new CliError(exitCodes.waitOver, `batch ${id} is still ${batch.status}`, [
      `rookery batches show ${id} --wait waits on`,
    ]);
  }
  if (batch.failed + batch.canceled > 0) {
    throw new CliError(
      exitCodes.jobFailed,
      `of batch ${id}, ${batch.failed} jobs failed and ${batch.canceled} were canceled`,
      [`rookery batches jobs ${id} --status failed lists them`],
    );
  }
}

function tellBatch(context: CliContext, flags: ServerFlags, batch: BatchAnswer): void {
  const { terminal } = context;
  if (flags.json === true) return context.printJson(batch);
  const facts: [string, string | null][] = [
    ['id', batch.id],
    ['key', batch.key],
    ['name', batch.name],
    ['status', terminal.paint(batchColour(batch), batch.status)],
    ['members', `${batch.total}: ${batch.done} done, ${batch.failed} failed, ${batch.canceled} canceled`],
    ['created', batch.createdAt],
    ['sealed', batch.sealedAt],
    ['complete', batch.completedAt],
    ['deadline', batch.deadlineAt],
    [
      'then',
      batch.onComplete && `${batch.onComplete}${batch.onCompleteJobId ? ` ${batch.onCompleteJobId}` : ''}`,
    ],
  ];
  for (const [name, value] of facts) if (value !== null) terminal.print(`${name.padEnd(8)}  ${value}`);
}

function tellList({ terminal }: CliContext, { batches, next }: BatchListAnswer): void {
  if (batches.length === 0) return terminal.note('no batches');
  const rows = batches.map(({ id, status, name, total, done, failed, canceled, createdAt, key }) => [
    id,
    status,
    name,
    `${done + failed + canceled}/${total}`,
    String(failed),
    createdAt,
    key ?? '',
  ]);
  const headings = ['ID', 'STATUS', 'NAME', 'ENDED', 'FAILED', 'CREATED', 'KEY'];
  for (const line of table(headings, rows)) terminal.print(line);
  if (next !== null) terminal.note(`more: add --cursor ${next}`);
}

function batchColour({ status, failed }: BatchAnswer): ReturnType<typeof statusColour> {
  if (status === 'complete') return failed > 0 ? 'red' : 'green';
  return status === 'running' ? 'cyan' : 'yellow';
}
