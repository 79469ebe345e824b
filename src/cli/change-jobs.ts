import type { BulkChangeAnswer } from './api-answers.js';
import type { CliContext, ServerFlags } from './cli-context.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';
import { filterOf, type FilterFlags } from './job-filter.js';

/** What may be done to many jobs, in the words of its answers. */
export interface Change {
  readonly act: 'cancel' | 'retry';
  /** Of one job, for the status the server answered. */
  readonly told: (status: number) => string;
  /** Of many jobs. */
  readonly past: string;
}

export interface ChangeFlags extends ServerFlags, FilterFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

/** Changes the jobs of these ids, or of the filter. Throws a usage error unless exactly one of them says which: nobody cancels everything by leaving out an argument. */
export async function changeJobs(
  context: CliContext,
  flags: ChangeFlags,
  ids: readonly string[],
  change: Change,
): Promise<void> {
  const isFiltered =
    flags.all === true || Object.values(filterOf(flags)).some((value) => value !== undefined);
  if (isFiltered === ids.length > 0) {
    throw new CliError(
      exitCodes.usage,
      isFiltered
        ? 'give either ids or a filter, not both'
        : `say which jobs to ${change.act}: ids, a filter such as --name example:job, or --all`,
    );
  }
  if (flags.dryRun === true && !isFiltered)
    throw new CliError(exitCodes.usage, '--dry-run goes with a filter');
  return isFiltered ? changeByFilter(context, flags, change) : changeEach(context, flags, ids, change);
}

/** One by one; a job that is refused is told and keeps none of the others. Throws in the end when any was. */
async function changeEach(
  context: CliContext,
  flags: ServerFlags,
  ids: readonly string[],
  { act, told }: Change,
): Promise<void> {
  const client = context.client(flags);
  const refusals: CliError[] = [];
  for (const id of ids) {
    try {
      const { status, body } = await client.post(`/job/${encodeURIComponent(id)}/${act}`);
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`${id} ${told(status)}`);
    } catch (error) {
      if (!(error instanceof CliError) || ids.length === 1) throw error;
      context.terminal.note(error.message);
      refusals.push(error);
    }
  }
  const [first] = refusals;
  if (first) throw new CliError(first.exitCode, `${refusals.length} of ${ids.length} jobs were refused`);
}

/** A bounded number a request, until the server has looked at all of them. */
async function changeByFilter(context: CliContext, flags: ChangeFlags, { act, past }: Change): Promise<void> {
  const client = context.client(flags);
  const { all, dryRun } = flags;
  const indicator = context.terminal.indicator('looking for jobs');
  let matched = 0;
  let changed = 0;
  try {
    for (let cursor: string | null | undefined; cursor !== null;) {
      const { body } = await client.post<BulkChangeAnswer>(`/job/${act}`, {
        body: { ...filterOf(flags), all, dryRun, cursor },
      });
      matched += body.matched;
      changed += body.changed;
      cursor = body.more ? body.next : null;
      indicator.update(`${matched} jobs`);
    }
  } finally {
    indicator.stop();
  }
  if (flags.json === true) context.printJson({ matched, changed });
  else
    context.terminal.print(
      dryRun === true ? `${jobCount(matched)} would be ${past}` : `${jobCount(changed)} ${past}`,
    );
}

function jobCount(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}
