import type { DynamicModule, Type } from '@nestjs/common';
import type { EntryName } from '../config/index.js';
import { allEntry } from './all.entry.js';
import { jobEntry } from './job.entry.js';
import { schedulerEntry } from './scheduler.entry.js';
import { statusEntry } from './status.entry.js';
import { workerEntry } from './worker.entry.js';

/** A module an entry is made of. */
export type EntryModule = Type | DynamicModule;

const modules: Record<EntryName, readonly EntryModule[]> = {
  all: allEntry,
  job: jobEntry,
  worker: workerEntry,
  scheduler: schedulerEntry,
  status: statusEntry,
};

/** The modules of a process that is all of these entries, each module once. */
export function entryModules(entries: readonly EntryName[]): EntryModule[] {
  return [...new Set(entries.flatMap((entry) => modules[entry]))];
}

/**
 * True when jobs are enqueued and run by this process, so that its own tickets reach its own worker. Elsewhere tickets
 * would reach nobody, and workers live by the table.
 */
export function isSelfContained(entries: readonly EntryName[]): boolean {
  return (
    entries.includes('all') ||
    (entries.includes('worker') && (entries.includes('job') || entries.includes('status')))
  );
}
