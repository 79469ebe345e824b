import type { JobAnswer } from './api-answers.js';
import type { CliContext, ServerFlags } from './cli-context.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';
import { followJob, hasEnded } from './follow-job.js';
import { lastError, statusColour } from './job-text.js';

/** As often as progress is stored, in ms. */
const SHOW_EVERY_MS = 1_000;

/** Waits for the job's end behind an indicator and tells how it ended. Throws when it did not end well, or not in time. */
export async function awaitJob(
  context: CliContext,
  flags: ServerFlags,
  id: string,
  withinMs: number,
): Promise<void> {
  const indicator = context.terminal.indicator('waiting');
  let job: JobAnswer;
  try {
    job = await followJob(context.client(flags), id, {
      withinMs,
      everyMs: SHOW_EVERY_MS,
      onAway: () => indicator.update('the server does not answer'),
      onChange: ({ status, progress }) => indicator.update(progress?.note ?? status, progress?.fraction),
    });
  } finally {
    indicator.stop();
  }
  if (flags.json === true) context.printJson(job);
  else tellEnd(context, job);
  requireGoodEnd(job);
}

/** Throws when the job has not ended, or not ended done. */
export function requireGoodEnd(job: JobAnswer): void {
  if (!hasEnded(job)) {
    throw new CliError(exitCodes.waitOver, `job ${job.id} is still ${job.status}`, [
      `rookery watch ${job.id} waits on`,
    ]);
  }
  if (job.status === 'done') return;
  const reason = lastError(job);
  throw new CliError(
    exitCodes.jobFailed,
    `job ${job.id} ${job.status}${reason === undefined ? '' : `: ${reason}`}`,
  );
}

function tellEnd({ terminal }: CliContext, { status, result }: JobAnswer): void {
  if (status === 'done')
    terminal.print(`${terminal.paint(statusColour(status), status)} ${JSON.stringify(result)}`);
}
