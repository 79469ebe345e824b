import {
  configError,
  entryNames,
  readFlags,
  splitList,
  suggestion,
  type EntryName,
} from '../config/index.js';
import type { Issue } from '../kernel/errors.js';
import { withNestFlags } from './command-line.js';
import type { Ancestor } from './launchers.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What this process is: `--entry` on its own command line, else on that of the `nest start` that began it, else
 * ROOKERY_ENTRY, else everything. Never empty, no repeats. Throws `invalid_config` with the list of names for any other.
 */
export function parseEntries(
  argv: readonly string[],
  env: Environment,
  ancestors: readonly Ancestor[],
): readonly EntryName[] {
  const { entries, issues } = readEntries(withNestFlags(argv, ancestors), env);
  if (issues.length > 0) throw configError(issues);
  return entries;
}

/** As `parseEntries`, from one complete command line; mistakes are answered, not thrown. */
export function readEntries(
  argv: readonly string[],
  env: Environment,
): { readonly entries: readonly EntryName[]; readonly issues: readonly Issue[] } {
  const flag = readFlags(argv).entry;
  const fromEnvironment = env['ROOKERY_ENTRY'] === '' ? undefined : env['ROOKERY_ENTRY'];
  const names = splitList(flag ?? fromEnvironment ?? 'all');
  const path = flag === undefined ? 'ROOKERY_ENTRY' : '--entry';
  const issues = names
    .filter((name) => !isEntry(name))
    .map((name) => ({ path, message: unknownEntry(name) }));
  if (names.length === 0) issues.push({ path, message: `names no entry; known: ${entryNames.join(', ')}` });
  const known = entryNames.filter((name) => names.includes(name));
  return { entries: known.includes('all') ? ['all'] : known, issues };
}

function isEntry(name: string): boolean {
  return entryNames.some((known) => known === name);
}

function unknownEntry(name: string): string {
  const near = suggestion(name, entryNames);
  const meant = near === undefined ? '' : ` did you mean ${near}?`;
  return `there is no entry "${name}";${meant} known: ${entryNames.join(', ')}`;
}
