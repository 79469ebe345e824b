import type { Command } from 'commander';
import { changeJobs, type Change, type ChangeFlags } from '../change-jobs.js';
import { serverCommand, type CliContext } from '../cli-context.js';
import { withFilterFlags } from '../job-filter.js';

const retry: Change = { act: 'retry', told: () => 'waits again', past: 'returned to waiting' };

/** `rookery retry`: returns failed and canceled jobs to waiting. */
export function retryCommand(parent: Command, context: CliContext): void {
  withFilterFlags(serverCommand(parent, 'retry', 'return failed and canceled jobs to waiting'))
    .argument('[ids...]', 'the jobs; or give a filter')
    .option('--all', 'every failed and canceled job')
    .option('--dry-run', 'with a filter: count them, and change nothing')
    .action((ids: string[], flags: ChangeFlags) => changeJobs(context, flags, ids, retry));
}
