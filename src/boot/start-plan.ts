import { helpText, loadConfig, readFlags, type EntryName, type RookeryConfig } from '../config/index.js';
import { withNestFlags } from './command-line.js';
import { readEntries } from './entries.js';
import type { Ancestor } from './launchers.js';

/** What a command line asks of the process: to print something and end, or to run. */
export type StartPlan =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'run'; readonly entries: readonly EntryName[]; readonly config: RookeryConfig };

export interface StartSources {
  /** The command line, without node and script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly ancestors: readonly Ancestor[];
  /** What `--version` prints. */
  readonly version: string;
}

/** Reads everything that decides how the process runs. Throws one `invalid_config` that lists all that is wrong. */
export function planStart({ argv, env, cwd, ancestors, version }: StartSources): StartPlan {
  const whole = withNestFlags(argv, ancestors);
  const { isHelpWanted, isVersionWanted } = readFlags(argv);
  if (isHelpWanted) return { kind: 'print', text: helpText() };
  if (isVersionWanted) return { kind: 'print', text: `${version}\n` };
  const { entries, issues } = readEntries(whole, env);
  return { kind: 'run', entries, config: loadConfig({ argv: whole, env, cwd, issues }) };
}
