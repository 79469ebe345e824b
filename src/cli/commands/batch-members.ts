import type { Command } from 'commander';
import type { JobListAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { flagsOf } from '../flags-of.js';
import { jobTable, lastError } from '../job-text.js';
import { numberFlag } from '../parse-flags.js';

interface MemberFlags extends ServerFlags {
  readonly status?: string;
  readonly limit: string;
  readonly cursor?: string;
}

/** `rookery batches jobs`: the members of a batch; of failed ones, the error of each. */
export function listMembers(batches: Command, context: CliContext): void {
  serverCommand(batches, 'jobs', 'list the members of a batch, newest first')
    .argument('<id>', 'the batch')
    .option('--status <status>', 'waiting, executing, done, failed or canceled')
    .option('--limit <n>', 'jobs a page, at most 1000', '20')
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (id: string, _flags: MemberFlags, command: Command) => {
      const flags = flagsOf<MemberFlags>(command);
      const { status, cursor } = flags;
      const limit = String(numberFlag('--limit', flags.limit));
      const path = `/batch/${encodeURIComponent(id)}/jobs`;
      const { body } = await context
        .client(flags)
        .get<JobListAnswer>(path, { query: { status, limit, cursor } });
      if (flags.json === true) context.printJson(body);
      else tell(context, body);
    });
}

function tell({ terminal }: CliContext, { jobs, next }: JobListAnswer): void {
  if (jobs.length === 0) return terminal.note('no jobs');
  const [headings = '', ...lines] = jobTable(jobs, terminal);
  terminal.print(headings);
  for (const [index, line] of lines.entries()) {
    terminal.print(line);
    const job = jobs[index];
    const error = job?.status === 'failed' ? lastError(job) : undefined;
    if (error !== undefined) terminal.print(`  ${terminal.paint('red', error)}`);
  }
  if (next !== null) terminal.note(`more: add --cursor ${next}`);
}
