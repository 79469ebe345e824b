import { Session, type Profiler } from 'node:inspector';
import type { PostgresMeter } from './postgres-meter.js';

/** One line of a profile: what, and its share of all the time that was spent, 0…1. */
export interface Spent {
  readonly on: string;
  readonly share: number;
}

/** Statements of the server that are told; the rest together are one line more. */
const MOST_STATEMENTS = 10;
/** Of a statement's text. */
const LONGEST_TEXT = 90;
/** Between two samples of this process, in µs. */
const SAMPLE_EVERY_US = 200;
/** Below this share a line says nothing. */
const LEAST_SHARE = 0.005;

/** Settings of a server whose statements are counted; those that make the tables, at the boot, are not. */
export const profiledServer: Readonly<Record<string, string>> = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_utility': 'off',
  'pg_stat_statements.track_planning': 'on',
};

/** Which statements the server spent its time on from now on. What comes after a statement, as the wait for its commit, is not in it. */
export async function profileServer(meter: PostgresMeter): Promise<() => Promise<Spent[]>> {
  await meter.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await meter.query('SELECT pg_stat_statements_reset()');
  return async () => {
    const rows = await meter.query<{ text: string; ms: number }>(
      `SELECT regexp_replace(query, '\\s+', ' ', 'g') AS text, total_exec_time + total_plan_time AS ms FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY ms DESC`,
    );
    const all = rows.reduce((sum, { ms }) => sum + ms, 0);
    const told = rows.slice(0, MOST_STATEMENTS).map(({ text, ms }) => ({
      on: text.slice(0, LONGEST_TEXT),
      share: ms / all,
    }));
    const rest = 1 - told.reduce((sum, { share }) => sum + share, 0);
    return [...told, { on: 'all others', share: rest }].filter(({ share }) => share >= LEAST_SHARE);
  };
}

/** In which code this process spends its time from now on, idle time left out. */
export async function profileProcess(): Promise<() => Promise<Spent[]>> {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters?: object): Promise<unknown> =>
    new Promise((resolve, reject) =>
      session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result))),
    );
  await post('Profiler.enable');
  await post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  await post('Profiler.start');
  return async () => {
    const { profile } = (await post('Profiler.stop')) as Profiler.StopReturnType;
    session.disconnect();
    return byPlace(profile);
  };
}

function byPlace({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Spent[] {
  const places = new Map(nodes.map((node) => [node.id, placeOf(node.callFrame)]));
  const times = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const place = places.get(id) ?? '';
    times.set(place, (times.get(place) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  }
  times.delete('(idle)');
  const all = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([on, time]) => ({ on, share: time / all }))
    .filter(({ share }) => share >= LEAST_SHARE)
    .sort((a, b) => b.share - a.share);
}

/** A module of ours, a package, Node itself, or what the engine calls itself, as `(garbage collector)`. */
function placeOf({ url, functionName }: { readonly url: string; readonly functionName: string }): string {
  const own = /\/\.bench\/(src\/modules\/[^/]+|src\/[^/]+|bench)\//.exec(url)?.[1];
  if (own !== undefined) return own;
  const dependency = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.startsWith('node:')) return 'node';
  return functionName.startsWith('(') ? functionName : `engine: ${functionName}`;
}
