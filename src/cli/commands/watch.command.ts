import type { Command } from 'commander';
import type { JobAnswer } from '../api-answers.js';
import { requireGoodEnd } from '../await-job.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { CliError } from '../cli-error.js';
import { exitCodes } from '../exit-codes.js';
import { followJob } from '../follow-job.js';
import { lastError, progressText, statusColour } from '../job-text.js';
import { waitMs } from '../parse-flags.js';
import { watchAll } from '../watch-all.js';

/** As often as progress is stored, in ms. */
const LOOK_EVERY_MS = 1_000;

/** What anything can be read from comfortably, and what a server need not be asked more often than, in ms. */
const USUAL_PAUSE = '2s';
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 3_600_000;

interface WatchFlags extends ServerFlags {
  readonly every: string;
}

/** `rookery watch`: tells every change of a job until it has ended; without one, shows how everything is. */
export function watchCommand(parent: Command, context: CliContext): void {
  serverCommand(
    parent,
    'watch',
    'tell every change of a job until it has ended; without one, show how all is, live',
  )
    .argument('[id]', 'the job')
    .option('--every <time>', 'without a job: between two looks, 500ms to 1h', USUAL_PAUSE)
    .action((id: string | undefined, flags: WatchFlags) =>
      id === undefined
        ? watchAll(context.client(flags), context, {
            everyMs: pauseMs(flags.every),
            isJson: flags.json === true,
          })
        : watchJob(id, flags, context),
    );
}

async function watchJob(id: string, flags: ServerFlags, context: CliContext): Promise<void> {
  const indicator = context.terminal.indicator('watching');
  let shown = '';
  const onChange = (job: JobAnswer): void => {
    indicator.update(job.progress?.note ?? job.status, job.progress?.fraction);
    const line = flags.json === true ? JSON.stringify(job) : changeLine(job, context);
    if (line !== shown) context.terminal.print(line);
    shown = line;
  };
  const onAway = (): void => indicator.update('the server does not answer');
  const client = context.client(flags);
  try {
    // Asked once before: a server that is not there, or a job, is told at once.
    await client.get(`/job/${encodeURIComponent(id)}`);
    requireGoodEnd(await followJob(client, id, { everyMs: LOOK_EVERY_MS, onAway, onChange }));
  } finally {
    indicator.stop();
  }
}

function pauseMs(text: string): number {
  const ms = waitMs('--every', text);
  if (ms >= SHORTEST_PAUSE_MS && ms <= LONGEST_PAUSE_MS) return ms;
  throw new CliError(exitCodes.usage, `--every: ${JSON.stringify(text)} is out of range; use 500ms to 1h`);
}

function changeLine(job: JobAnswer, { terminal }: CliContext): string {
  const { status, attempt, maxAttempts } = job;
  const details = [terminal.paint(statusColour(status), status), `attempt ${attempt} of ${maxAttempts}`];
  if (status === 'executing') details.push(progressText(job) ?? '');
  if (status === 'waiting' && job.dueAt !== null) details.push(`due ${job.dueAt}`, lastError(job) ?? '');
  if (status === 'done') details.push(JSON.stringify(job.result));
  return details.filter((detail) => detail !== '').join('  ');
}
