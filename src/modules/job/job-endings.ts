import { Injectable } from '@nestjs/common';
import type { JobState } from './state-machine.js';

/** How a job ended, as this process recorded it. */
export interface JobEnding {
  readonly id: string;
  /** No open one. */
  readonly status: JobState;
}

/**
 * The ends of jobs that a worker of this process has recorded, durably, for whoever of this process waits for them. What other processes record
 * is not heard here.
 */
@Injectable()
export class JobEndings {
  private readonly listeners = new Set<(ending: JobEnding) => void>();

  /** Calls back for each end, within the call that tells of it; the listener must not throw. */
  listen(listener: (ending: JobEnding) => void): void {
    this.listeners.add(listener);
  }

  tell(ending: JobEnding): void {
    for (const listener of this.listeners) listener(ending);
  }
}
