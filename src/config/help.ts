import { entries } from './entry-names.js';
import { otherVariables } from './environment.js';
import { flags, type Flag } from './flags.js';
import { settingLeaves } from './settings-tree.js';

/** What the process answers to `--help`: entries, flags, files, variables, examples and exit codes. */
export function helpText(): string {
  return `Rookery, a job platform. Starts with nothing else installed, on its own PostgreSQL.

Usage: npm start -- [flags]          node dist/main.js [flags]
       nest start --entry worker     (there -p and --config are the Nest CLI's own; put them behind --)

Entries, for --entry:
${aligned(Object.entries(entries))}

Flags:
${aligned(flags.map((flag) => [flagWords(flag), flagMeaning(flag)]))}

A time is a number and a unit: 250ms, 30s, 5m, 2h, 14d. Only --timeout takes a bare number, as milliseconds.

Settings come from, later ones first: flags, environment, rookery.yaml, defaults. docs/configuration.md has all.
A setting of rookery.yaml is a variable too: http.shutdownDelay is ROOKERY_HTTP_SHUTDOWN_DELAY. Beside those:
${aligned(variables())}

Examples:
${aligned([
  ['npm start', 'everything on http://127.0.0.1:8080'],
  ['npm start -- --port 9000 -t 30s', 'on another port, runs end after 30 seconds'],
  ['node dist/main.js --entry job,status', 'the API alone'],
  ['node dist/main.js --entry worker --queues mail,reports', 'a worker for two queues'],
  ['DATABASE_URL=postgresql://app:pw@db/app npm start', 'on an existing PostgreSQL'],
  ['NATS_URL=nats://nats:4222 node dist/main.js --entry worker', 'a worker that hears of jobs at once'],
])}

Exit codes:
${aligned([
  ['0', 'stopped as asked, or printed what was asked for'],
  ['1', 'could not start or go on, or was stopped at once by a second signal'],
  ['2', 'a flag, a variable or rookery.yaml is wrong; nothing was started'],
])}
`;
}

function flagWords({ name, short, argument, isArgumentOptional = false }: Flag): string {
  const value = argument === undefined ? '' : isArgumentOptional ? `[=${argument}]` : ` ${argument}`;
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${value}`;
}

const defaultsOfOthers: Readonly<Record<string, string>> = { entry: 'all', config: 'rookery.yaml' };

function flagMeaning({ name, argument, about }: Flag): string {
  const leaf = settingLeaves.find(({ meta }) => meta.flag?.name === name);
  const byDefault = leaf?.defaultText ?? defaultsOfOthers[name];
  return argument === undefined || byDefault === undefined ? about : `${about} (${byDefault})`;
}

function variables(): [string, string][] {
  const own = settingLeaves.flatMap(({ meta }): [string, string][] =>
    meta.variable === undefined ? [] : [[meta.variable, meta.about]],
  );
  return [...own, ...Object.entries(otherVariables)];
}

function aligned(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
