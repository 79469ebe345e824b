import type { Command } from 'commander';
import type { JobListAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { filterOf, withFilterFlags, type FilterFlags } from '../job-filter.js';
import { jobTable } from '../job-text.js';
import { numberFlag } from '../parse-flags.js';

interface ListFlags extends ServerFlags, FilterFlags {
  readonly limit: string;
  readonly cursor?: string;
}

/** `rookery list`: jobs, newest first, a page at a time. */
export function listCommand(parent: Command, context: CliContext): void {
  withFilterFlags(serverCommand(parent, 'list', 'list jobs, newest first'))
    .option('--limit <n>', 'jobs a page, at most 1000', '20')
    .option('--cursor <cursor>', 'where the page before ended')
    .action(async (flags: ListFlags) => {
      const { body } = await context.client(flags).get<JobListAnswer>('/job/all', {
        query: {
          ...filterOf(flags),
          limit: String(numberFlag('--limit', flags.limit)),
          cursor: flags.cursor,
        },
      });
      if (flags.json === true) context.printJson(body);
      else tell(context, body);
    });
}

function tell({ terminal }: CliContext, { jobs, next }: JobListAnswer): void {
  if (jobs.length > 0) for (const line of jobTable(jobs, terminal)) terminal.print(line);
  else terminal.note(next === null ? 'no jobs' : 'no jobs on this page');
  if (next !== null) terminal.note(`more: add --cursor ${next}`);
}
