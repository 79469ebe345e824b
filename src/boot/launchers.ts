import { basename } from 'node:path';

/** A process above this one. */
export interface Ancestor {
  readonly pid: number;
  /** Its command line; one that changed its title, as npm does, has the title's words. */
  readonly args: readonly string[];
  /** When it started, in the operating system's own terms; with the pid it names one process for good. Absent where unknown. */
  readonly startedAt?: string;
}

type Launcher = 'npm' | 'nest' | 'shell';

const SHELLS = new Set(['sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'busybox']);
const PACKAGE_RUNNERS = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg)(-cli)?(\.c?js)?$/;
const NODE = /^node(js)?$/;
const NEST = /^nest(\.js)?$/;

/**
 * The processes that stand between whoever typed the command and this one: npm, the Nest CLI and the shells they start,
 * nearest first. Empty when this process was started in any other way, for instance from a prompt or by a supervisor.
 */
export function launchersOf(ancestors: readonly Ancestor[]): readonly Ancestor[] {
  const end = ancestors.findIndex(({ args }) => launcherOf(args) === undefined);
  const chain = end < 0 ? ancestors : ancestors.slice(0, end);
  // A shell above them all belongs to somebody else's script.
  const top = chain.findLastIndex(({ args }) => launcherOf(args) !== 'shell');
  return chain.slice(0, top + 1);
}

/** What follows `start` on the command line of the `nest start` that began this process; undefined when none did. */
export function nestStartArguments(ancestors: readonly Ancestor[]): readonly string[] | undefined {
  const nest = launchersOf(ancestors).find(({ args }) => launcherOf(args) === 'nest');
  return nest?.args.slice(startAt(nest.args) + 1);
}

function launcherOf(args: readonly string[]): Launcher | undefined {
  const [first = '', second = ''] = args.map((arg) => basename(arg));
  if (startAt(args) > 0) return 'nest';
  if (PACKAGE_RUNNERS.test(NODE.test(first) ? second : first)) return 'npm';
  // A shell at a prompt has no command; one that runs a command for somebody has -c, or -lc and the like.
  if (SHELLS.has(first) && leadingOptions(args.slice(1)).some((option) => /^-[a-z]*c$/.test(option)))
    return 'shell';
  return undefined;
}

/** Where `start` stands in `node …/nest start …`; −1 in any other command line. */
function startAt(args: readonly string[]): number {
  const isNode = NODE.test(basename(args[0] ?? ''));
  const nest = isNode ? 1 + leadingOptions(args.slice(1)).length : 0;
  return NEST.test(basename(args[nest] ?? '')) && args[nest + 1] === 'start' ? nest + 1 : -1;
}

function leadingOptions(args: readonly string[]): readonly string[] {
  const end = args.findIndex((arg) => !arg.startsWith('-'));
  return end < 0 ? args : args.slice(0, end);
}
