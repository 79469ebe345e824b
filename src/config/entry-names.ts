/** What a process can be, with what it does; `--entry` takes one or more of them. */
export const entries = {
  all: 'everything in one process',
  job: 'the REST API: takes jobs and answers for them',
  worker: 'runs jobs',
  scheduler: 'fires schedules and holds the duties: stages, rescues, audits',
  status: 'the REST API, for looking rather than for load',
} as const;

export type EntryName = keyof typeof entries;

export const entryNames = Object.keys(entries) as readonly EntryName[];

/** Injection token of the entries this process is, as `readonly EntryName[]`. */
export const ENTRIES = Symbol('rookery:entries');

/** True when one of these entries answers for jobs over HTTP; a process without one only has work to do. */
export function hasApi(names: readonly EntryName[]): boolean {
  return names.some((name) => name === 'all' || name === 'job' || name === 'status');
}

/** True when one of these entries serves the page for people. */
export function hasDashboard(names: readonly EntryName[]): boolean {
  return names.some((name) => name === 'all' || name === 'status');
}
