import type { Command } from 'commander';
import { durationFromText } from '../../kernel/durations.js';
import { awaitJob } from '../await-job.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { numberFlag, withinMsOf } from '../parse-flags.js';
import { readPayload } from '../read-payload.js';

interface EnqueueFlags extends ServerFlags {
  readonly name: string;
  readonly objectId?: string;
  readonly lane?: string;
  readonly delay?: string;
  readonly runAt?: string;
  readonly timeout?: string;
  readonly maxAttempts?: string;
  readonly batch?: string;
  readonly idempotencyKey?: string;
  /** Empty for as long as it takes. */
  readonly wait?: string;
}

/** `rookery enqueue`: makes a job and, if asked to, waits for it. */
export function enqueueCommand(parent: Command, context: CliContext): void {
  serverCommand(parent, 'enqueue', 'make a job')
    .argument('[payload]', 'JSON, @file or - for standard input', '{}')
    .requiredOption('--name <name>', 'the job type')
    .option('--object-id <id>', 'what the job is about')
    .option('--lane <lane>', 'high, normal or low')
    .option('--delay <duration>', 'not before this long from now, as 30s; a bare number is milliseconds')
    .option('--run-at <time>', 'not before this time, as 2030-01-31T03:00:00Z')
    .option('--timeout <duration>', 'longest run, or none')
    .option('--max-attempts <n>', 'runs at most, the first included')
    .option('--batch <id>', 'the open batch it joins')
    .option('--idempotency-key <key>', 'the same key within 24 hours makes no second job')
    .option('--wait [duration]', 'wait for its end, at most this long')
    .addHelpText('after', `\nExample:\n  rookery enqueue --name example:job '{"param":"value"}' --wait=30s`)
    .action(async (payload: string, flags: EnqueueFlags) => {
      const withinMs = withinMsOf(flags.wait);
      const body = requestBody(await readPayload(payload, context.stdin), flags);
      const { body: job, status } = await context.client(flags).post<{ id: string; status: string }>('/job', {
        body,
        ...(flags.idempotencyKey !== undefined && {
          headers: { 'idempotency-key': flags.idempotencyKey },
        }),
      });
      if (flags.json !== true) tellEnqueued(context, job.id, status === 201);
      else if (withinMs === undefined) context.printJson(job);
      if (withinMs !== undefined) await awaitJob(context, flags, job.id, withinMs);
      else if (flags.json !== true) context.terminal.note(`see how it goes: rookery show ${job.id}`);
    });
}

function requestBody(payload: unknown, flags: EnqueueFlags): Record<string, unknown> {
  const { name, objectId, lane, delay, runAt, timeout, maxAttempts, batch: batchId } = flags;
  return {
    name,
    payload,
    objectId,
    lane,
    batchId,
    runAt,
    delay: delay === undefined ? undefined : durationFromText(delay),
    timeout: timeout === undefined ? undefined : durationFromText(timeout),
    maxAttempts: maxAttempts === undefined ? undefined : numberFlag('--max-attempts', maxAttempts),
  };
}

function tellEnqueued({ terminal }: CliContext, id: string, isNew: boolean): void {
  terminal.print(`${isNew ? 'enqueued' : 'enqueued before:'} ${terminal.paint('bold', id)}`);
}
