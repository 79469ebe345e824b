import type { Command } from 'commander';
import type { JobAnswer } from '../api-answers.js';
import { requireGoodEnd } from '../await-job.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { followJob } from '../follow-job.js';
import { lastError, progressText, statusColour } from '../job-text.js';

/** As often as progress is stored, in ms. */
const LOOK_EVERY_MS = 1_000;

/** `rookery watch`: tells every change of a job until it has ended. */
export function watchCommand(parent: Command, context: CliContext): void {
  serverCommand(parent, 'watch', 'tell every change of a job until it has ended')
    .argument('<id>', 'the job')
    .action(async (id: string, flags: ServerFlags) => {
      const indicator = context.terminal.indicator('watching');
      let shown = '';
      const onChange = (job: JobAnswer): void => {
        indicator.update(job.progress?.note ?? job.status, job.progress?.fraction);
        const line = flags.json === true ? JSON.stringify(job) : changeLine(job, context);
        if (line !== shown) context.terminal.print(line);
        shown = line;
      };
      try {
        requireGoodEnd(await followJob(context.client(flags), id, { everyMs: LOOK_EVERY_MS, onChange }));
      } finally {
        indicator.stop();
      }
    });
}

function changeLine(job: JobAnswer, { terminal }: CliContext): string {
  const { status, attempt, maxAttempts } = job;
  const details = [terminal.paint(statusColour(status), status), `attempt ${attempt} of ${maxAttempts}`];
  if (status === 'executing') details.push(progressText(job) ?? '');
  if (status === 'waiting' && job.dueAt !== null) details.push(`due ${job.dueAt}`, lastError(job) ?? '');
  if (status === 'done') details.push(JSON.stringify(job.result));
  return details.filter((detail) => detail !== '').join('  ');
}
