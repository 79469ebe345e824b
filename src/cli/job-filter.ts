import type { Command } from 'commander';

/** Which jobs are meant; the same for listing, canceling and retrying. */
export interface FilterFlags {
  readonly status?: string;
  readonly name?: string;
  readonly queue?: string;
  readonly objectId?: string;
  readonly batch?: string;
}

/** The filter as the API takes it, in a query or in a body. */
export type JobFilter = Readonly<Record<Exclude<keyof FilterFlags, 'batch'> | 'batchId', string | undefined>>;

/** Adds the flags of a filter. */
export function withFilterFlags(command: Command): Command {
  return command
    .option('--status <status>', 'waiting, executing, done, failed or canceled')
    .option('--name <name>', 'of this job type')
    .option('--queue <queue>', 'of this queue')
    .option('--object-id <id>', 'about this object')
    .option('--batch <id>', 'of this batch');
}

export function filterOf({ status, name, queue, objectId, batch }: FilterFlags): JobFilter {
  return { status, name, queue, objectId, batchId: batch };
}
