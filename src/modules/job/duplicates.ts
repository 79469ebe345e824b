import { RookeryError } from '../../kernel/errors.js';
import type { NewJob } from './new-job.js';
import type { KeyedOutcome } from './repository/enqueue.repository.js';

/** When to try again where no time is known: the key's holder is still at work, or its transaction is open. */
const RETRY_AFTER_S = 1;

/** Throws `duplicate_job` for a job that was not stored, with the job it met (when that is known) and when to try again, in s. */
export function throwDuplicate(job: NewJob, outcome: Exclude<KeyedOutcome, { kind: 'stored' }>): never {
  throw new RookeryError(
    'duplicate_job',
    `${job.name} for objectId ${JSON.stringify(job.objectId)} is a duplicate${reasonOf(outcome)}`,
    {
      ...(outcome.kind === 'duplicate' && { jobId: outcome.jobId }),
      retryAfter: retryAfterOf(outcome),
    },
  );
}

/**
 * Throws `duplicate_job` that lists every job that may not be left out, if there is any. A batch's member that is added again is always left
 * out; with `skip` the others are too, but for those whose key an open transaction holds, for which no job can be named instead.
 */
export function refuseDuplicates(
  jobs: readonly NewJob[],
  outcomes: readonly KeyedOutcome[],
  onDuplicate: 'fail' | 'skip',
): void {
  const duplicates = jobs.flatMap((job, index) => {
    const outcome = outcomes[index];
    if (!outcome || outcome.kind === 'stored') return [];
    const mayBeLeftOut = onDuplicate === 'skip' || (outcome.kind === 'duplicate' && outcome.of === 'member');
    if (mayBeLeftOut && outcome.kind === 'duplicate') return [];
    return [
      {
        index,
        objectId: job.objectId,
        ...(outcome.kind === 'duplicate' && { jobId: outcome.jobId }),
        retryAfter: retryAfterOf(outcome),
      },
    ];
  });
  if (duplicates.length === 0) return;
  throw new RookeryError(
    'duplicate_job',
    `${duplicates.length} of the jobs are duplicates; nothing was stored`,
    {
      duplicates,
      retryAfter: Math.max(...duplicates.map((duplicate) => duplicate.retryAfter)),
    },
  );
}

function retryAfterOf(outcome: KeyedOutcome): number {
  if (outcome.kind !== 'duplicate' || outcome.remainingMs === null) return RETRY_AFTER_S;
  return Math.max(RETRY_AFTER_S, Math.ceil(outcome.remainingMs / 1000));
}

function reasonOf(outcome: KeyedOutcome): string {
  switch (outcome.kind) {
    case 'duplicate':
      return outcome.remainingMs === null
        ? ` of job ${outcome.jobId}, which has not finished`
        : ` of job ${outcome.jobId}; try again in ${retryAfterOf(outcome)} s`;
    case 'held':
      return ' of a job that another transaction is about to store; try again in a second';
    case 'stored':
      return '';
  }
}
