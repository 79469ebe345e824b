/**
 * The states of a job and the transitions between them, as values. Nothing here touches the database: the repository
 * applies a transition with one statement, and only if the row is still in the state, run and hands the transition names.
 *
 *     waiting ──claim──▶ executing ──▶ done | failed | canceled
 *        ▲  └─cancel─▶ canceled  │
 *        └── retry · snooze · interrupted · lost ──┘        failed | canceled ──(by hand)──▶ waiting
 */
export const jobStates = ['waiting', 'executing', 'done', 'failed', 'canceled'] as const;
export type JobState = (typeof jobStates)[number];

/** States from which a job moves on by itself. */
export const openStates = ['waiting', 'executing'] as const satisfies readonly JobState[];

/** How a run ended. */
export const runOutcomes = ['succeeded', 'failed', 'canceled', 'snoozed', 'interrupted', 'lost'] as const;
export type RunOutcome = (typeof runOutcomes)[number];

/** Every legal transition: `transitions[from]` lists the states a job may go to. */
export const transitions: Readonly<Record<JobState, readonly JobState[]>> = {
  waiting: ['executing', 'canceled'],
  executing: ['waiting', 'done', 'failed', 'canceled'],
  done: [],
  failed: ['waiting'],
  canceled: ['waiting'],
};

/** What is known of a run when it ends, and all that decides where its job goes. */
export interface EndedRun {
  readonly outcome: RunOutcome;
  /** The attempt this run was charged as, ≥ 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** A failure that no further attempt can mend: the handler or the type's `onTimeout` said so. */
  readonly isFinal?: boolean;
}

/** Where a job goes when its run has ended. */
export interface Settlement {
  readonly status: Exclude<JobState, 'executing'>;
  /** True when the attempt the claim charged is taken back. */
  readonly isRefunded: boolean;
}

/** Decides where a job goes when a run has ended. A job with a cancel request that this would return to waiting ends canceled; the statement sees to that. */
export function settlementOf(run: EndedRun): Settlement {
  switch (run.outcome) {
    case 'succeeded':
      return { status: 'done', isRefunded: false };
    case 'canceled':
      return { status: 'canceled', isRefunded: false };
    case 'snoozed':
    case 'interrupted':
      return { status: 'waiting', isRefunded: true };
    case 'failed':
    case 'lost': {
      const isSpent = run.isFinal === true || run.attempt >= run.maxAttempts;
      return { status: isSpent ? 'failed' : 'waiting', isRefunded: false };
    }
  }
}

/** True when a job in that state moves on by itself. */
export function isOpen(status: JobState): boolean {
  return status === 'waiting' || status === 'executing';
}
