import type { Job } from '../api/types.js';

/** What a handler showed of its progress. */
export interface Progress {
  /** 0…1. */
  readonly fraction: number;
  readonly note: string | undefined;
}

/** The progress of a job whose handler has shown any. */
export function progressOf({ progress }: Pick<Job, 'progress'>): Progress | undefined {
  const { fraction, note } = (progress ?? {}) as { readonly fraction?: unknown; readonly note?: unknown };
  if (typeof fraction !== 'number') return undefined;
  return { fraction, note: typeof note === 'string' ? note : undefined };
}
