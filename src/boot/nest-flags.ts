import { flags, nearestFlag } from '../config/index.js';

/**
 * `nest start` keeps its own options, takes a first bare word for a project's name and drops every option it does not
 * know; only what stands behind `--` reaches the application. Its own options, as `nest start --help` of version 12 lists them:
 */
const nestSwitches = new Set([
  'watch',
  'watchAssets',
  'webpack',
  'type-check',
  'no-type-check',
  'emit-declarations',
  'silent',
  'tsc',
  'preserveWatchOutput',
  'shell',
  'no-shell',
  'help',
  'version',
]);
const nestOptions = new Set([
  'config',
  'path',
  'builder',
  'debug',
  'webpackPath',
  'rspackPath',
  'sourceRoot',
  'entryFile',
  'exec',
  'env-file',
]);
/** Short ones: -c config, -p path, -b builder, -d debug, -e exec take a word; -w, -h and -v do not. */
const NEST_SHORT = /^-[cpbdewhv]/;
const NEST_SHORT_WITH_WORD = /^-w*[cpbde]$/;

/**
 * The flags of ours on a `nest start` command line, with their values, and those that look like a mistyped one of ours.
 * `-p` and `--config` are Nest's there, and what follows `--` is left out, because that arrives by itself.
 */
export function flagsForRookery(nestArguments: readonly string[]): string[] {
  const end = nestArguments.indexOf('--');
  const args = end < 0 ? nestArguments : nestArguments.slice(0, end);
  const ours: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (!arg.startsWith('-')) continue;
    const next = args[index + 1];
    const words = next !== undefined && !next.startsWith('-') && takesWord(arg) ? [arg, next] : [arg];
    if (isForRookery(arg)) ours.push(...words);
    index += words.length - 1;
  }
  return ours;
}

function isForRookery(arg: string): boolean {
  if (!arg.startsWith('--')) return !NEST_SHORT.test(arg) && flags.some(({ short }) => short === arg[1]);
  const name = nameOf(arg);
  if (nestSwitches.has(name) || nestOptions.has(name)) return false;
  return flags.some((flag) => flag.name === name) || nearestFlag(name) !== undefined;
}

/** True when the word behind the option is its value; that of an unknown option is passed over likewise. */
function takesWord(arg: string): boolean {
  if (arg.includes('=')) return false;
  if (!arg.startsWith('--')) return NEST_SHORT.test(arg) ? NEST_SHORT_WITH_WORD.test(arg) : arg.length === 2;
  const name = nameOf(arg);
  if (nestSwitches.has(name)) return false;
  const flag = flags.find((candidate) => candidate.name === name);
  return flag === undefined || flag.argument !== undefined;
}

function nameOf(arg: string): string {
  return arg.slice(2).split('=', 1)[0] ?? '';
}
