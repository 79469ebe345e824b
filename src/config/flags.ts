import { parseArgs } from 'node:util';
import type { Issue } from '../kernel/errors.js';
import type { Assignment, SourceReading } from './assignment.js';
import { entryNames } from './entry-names.js';
import { splitList, type SettingFlag } from './setting-kinds.js';
import { settingLeaves, type SettingLeaf } from './settings-tree.js';
import { suggestion } from './suggestion.js';

/** A flag of the process, with what it decides. */
export interface Flag extends SettingFlag {
  readonly about: string;
}

/** The flags that are no settings. */
const processFlags: readonly Flag[] = [
  { name: 'entry', argument: 'NAMES', about: 'What this process is, one or more with commas between' },
  { name: 'config', argument: 'FILE', about: 'The settings file' },
  { name: 'help', short: 'h', about: 'Prints this and exits' },
  { name: 'version', short: 'v', about: 'Prints the version and exits' },
];

const settingFlags: readonly { readonly leaf: SettingLeaf; readonly flag: Flag }[] = settingLeaves.flatMap(
  (leaf) => (leaf.meta.flag ? [{ leaf, flag: { ...leaf.meta.flag, about: leaf.meta.about } }] : []),
);

/** Every flag there is, in the order of `--help`. */
export const flags: readonly Flag[] = [
  ...processFlags.slice(0, 1),
  ...settingFlags.map(({ flag }) => flag),
  ...processFlags.slice(1),
];

/** A command line, read: the settings it gives, what else it asks for, and what is wrong with it. */
export interface FlagReading extends SourceReading {
  readonly entry: string | undefined;
  readonly config: string | undefined;
  readonly isHelpWanted: boolean;
  readonly isVersionWanted: boolean;
}

/** Reads a command line (without node and script). Never throws; of a repeated flag the last value counts. */
export function readFlags(argv: readonly string[]): FlagReading {
  const { values, issues } = parse(argv);
  const assignments: Assignment[] = settingFlags.flatMap(({ leaf, flag }) => {
    const value = values.get(flag.name);
    if (value === undefined) return [];
    const isBareMs = leaf.meta.isBareMsInFlag === true && /^\d+$/.test(value);
    return [{ leaf, value: isBareMs ? `${value}ms` : value, origin: `--${flag.name}` }];
  });
  return {
    assignments,
    issues,
    entry: values.get('entry'),
    config: values.get('config'),
    isHelpWanted: values.has('help'),
    isVersionWanted: values.has('version'),
  };
}

interface Parsed {
  /** By long name; a switch without a value has 'true'. */
  readonly values: ReadonlyMap<string, string>;
  readonly issues: readonly Issue[];
}

function parse(argv: readonly string[]): Parsed {
  const values = new Map<string, string>();
  const issues: Issue[] = [];
  // Where the value of a wrong flag stands: it is told with that flag, not as a mistake of its own.
  let passedOver = -1;
  for (const token of tokensOf(argv)) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (token.index !== passedOver) issues.push({ path: token.value, message: strayArgument(token.value) });
      continue;
    }
    const { rawName, value, inlineValue: isInline } = token;
    const flag = flags.find(({ name }) => name === token.name);
    const problem = flag ? missingValue(flag, value, isInline) : unknownFlag(rawName);
    if (problem !== undefined) {
      issues.push({ path: rawName, message: problem });
      passedOver = token.index + (flag && value !== undefined && isInline !== true ? 2 : 1);
    } else values.set(token.name, value ?? 'true');
  }
  return { values, issues };
}

function tokensOf(argv: readonly string[]) {
  const options = Object.fromEntries(
    flags.map(({ name, short, argument, isArgumentOptional = false }) => [
      name,
      {
        type: argument === undefined || isArgumentOptional ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function missingValue(
  flag: Flag,
  value: string | undefined,
  isInline: boolean | undefined,
): string | undefined {
  if (flag.argument === undefined) return undefined;
  if (flag.isArgumentOptional === true && value === undefined) return undefined;
  // `--port --entry x`: the parser takes the next flag for the value.
  const isMissing = value === undefined || value === '' || (isInline !== true && /^-\D/.test(value));
  return isMissing ? `needs a value: --${flag.name} ${flag.argument}` : undefined;
}

function unknownFlag(typed: string): string {
  const near = nearestFlag(typed);
  return near === undefined ? 'is no flag; --help lists them' : `is no flag; did you mean ${near}?`;
}

/** The flag a mistyped one is meant for, with its dashes; undefined when none is near. */
export function nearestFlag(typed: string): string | undefined {
  const near = suggestion(
    typed.replace(/^-+/, ''),
    flags.map(({ name }) => name),
  );
  return near === undefined ? undefined : `--${near}`;
}

function strayArgument(value: string): string {
  const names = splitList(value);
  const isEntry = names.length > 0 && names.every((name) => entryNames.some((known) => known === name));
  const meant = isEntry ? `; did you mean --entry ${value}?` : ', and nothing else is taken.';
  return `is no flag${meant} Through npm, flags go behind two dashes: npm start -- --${isEntry ? `entry ${value}` : 'port 9000'}`;
}
