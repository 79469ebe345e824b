import { isOpen, type JobState } from '../../job/index.js';

/** Where a job stands. */
export interface JobStanding {
  readonly id: string;
  readonly status: JobState;
  /** Rises with every run. */
  readonly run: number;
}

/** Most steps told of what happened between two looks; of more, the last are told. */
const MOST_STEPS = 50;

/**
 * The steps from one standing of a job to a later one, in order, the later one last; none when it has not moved. A job that waited and is
 * done was executing between, whether anybody looked or not.
 */
export function stepsBetween<Standing extends JobStanding>(
  before: JobStanding,
  now: Standing,
): (JobStanding | Standing)[] {
  const steps: (JobStanding | Standing)[] = [];
  const { id } = now;
  let { status, run } = before;
  const step = (next: JobState): void => {
    status = next;
    steps.push({ id, status, run });
  };
  if (run < now.run - MOST_STEPS) run = now.run - MOST_STEPS;
  while (run < now.run) {
    if (status !== 'waiting') step('waiting');
    run++;
    step('executing');
  }
  if (status === now.status) steps.pop();
  // Canceled or run again by hand: what has ended waits before it can end otherwise.
  else if (!isOpen(status) && now.status !== 'waiting') step('waiting');
  const hasMoved = before.status !== now.status || before.run !== now.run;
  return hasMoved ? [...steps, now] : [];
}
