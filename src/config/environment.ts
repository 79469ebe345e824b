import type { Issue } from '../kernel/errors.js';
import type { Assignment, SourceReading } from './assignment.js';
import { settingLeaves, type SettingLeaf } from './settings-tree.js';
import { suggestion } from './suggestion.js';

/** Variables that are read but are no settings, with what they decide. */
export const otherVariables = {
  ROOKERY_ENTRY: 'What this process is, as `--entry`',
  ROOKERY_CONFIG: 'The settings file, as `--config`',
  ROOKERY_URL: 'Where the `rookery` command line finds the API',
  ROOKERY_TOKEN: 'The token the `rookery` command line shows there',
} as const;

const PREFIX = 'ROOKERY_';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings in the environment. An empty variable counts as unset, as compose files pass it. An unknown
 * variable that begins with ROOKERY_ is an issue: a setting that is silently not applied is the worse surprise.
 */
export function readEnvironment(env: Environment): SourceReading {
  const issues: Issue[] = [...unknownVariables(env)];
  const assignments: Assignment[] = [];
  for (const leaf of settingLeaves) {
    const [variable, second] = leaf.variables.filter((name) => isSet(env, name));
    if (variable === undefined) continue;
    if (second !== undefined && env[second] !== env[variable]) {
      issues.push({
        path: second,
        message: `sets the same as ${variable} to another value; keep one of them`,
      });
    }
    assignments.push({ leaf, value: env[variable], origin: variable });
  }
  return { assignments, issues };
}

/** True when the variable has a value that is not empty. */
export function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}

function unknownVariables(env: Environment): Issue[] {
  const known = new Set([...settingLeaves.flatMap((leaf) => leaf.variables), ...Object.keys(otherVariables)]);
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name) && isSet(env, name))
    .map((name) => ({ path: name, message: unknownVariable(name, known) }));
}

function unknownVariable(name: string, known: ReadonlySet<string>): string {
  if (name.startsWith('ROOKERY_QUEUES_')) {
    return 'is no setting; what one queue sets for itself is written in rookery.yaml, under queues.<name>';
  }
  const near = meant(name, known);
  return near === undefined
    ? 'is no setting; docs/configuration.md lists the variables'
    : `is no setting; did you mean ${near}?`;
}

function meant(name: string, known: ReadonlySet<string>): string | undefined {
  const own = settingLeaves.find(
    (leaf) => leaf.meta.variable !== undefined && regularNames(leaf).includes(name),
  );
  if (own) return own.meta.variable;
  // Without their common beginning, which would make any two names look alike.
  const rest = name.slice(PREFIX.length);
  const rests = [...known]
    .filter((other) => other.startsWith(PREFIX))
    .map((other) => other.slice(PREFIX.length));
  const near = rests.find((other) => other.endsWith(`_${rest}`)) ?? suggestion(rest, rests);
  return near === undefined ? undefined : `${PREFIX}${near}`;
}

/** What one would guess for a setting whose variable has a name of its own: ROOKERY_HTTP_PORT and ROOKERY_PORT for PORT. */
function regularNames(leaf: SettingLeaf): string[] {
  return [`${PREFIX}${leaf.path.join('_').toUpperCase()}`, `${PREFIX}${leaf.meta.variable ?? ''}`];
}
