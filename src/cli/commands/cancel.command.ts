import type { Command } from 'commander';
import { changeJobs, type Change, type ChangeFlags } from '../change-jobs.js';
import { serverCommand, type CliContext } from '../cli-context.js';
import { withFilterFlags } from '../job-filter.js';

const cancel: Change = {
  act: 'cancel',
  told: (status) => (status === 202 ? 'is being canceled' : 'canceled'),
  past: 'canceled',
};

/** `rookery cancel`: ends jobs that have not ended. */
export function cancelCommand(parent: Command, context: CliContext): void {
  withFilterFlags(serverCommand(parent, 'cancel', 'cancel jobs that wait or run'))
    .argument('[ids...]', 'the jobs; or give a filter')
    .option('--all', 'every job that waits or runs')
    .option('--dry-run', 'with a filter: count them, and change nothing')
    .action((ids: string[], flags: ChangeFlags) => changeJobs(context, flags, ids, cancel));
}
