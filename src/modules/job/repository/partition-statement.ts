import { daySuffix } from '../partition.js';

/** A prepared statement as the hot connections take it: prepared once a connection under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * A hot statement, one text a day: `{job}` and `{job_log}` in the template become the day's partitions. Naming the
 * partition, not `job`, spares each execution the locks and the pruning of every other day.
 */
export function partitionStatement(name: string, template: string): (day: number) => Statement {
  const byDay = new Map<number, Statement>();
  return (day) => {
    let statement = byDay.get(day);
    if (!statement) {
      const suffix = daySuffix(day);
      const text = template.replaceAll('{job}', `job_${suffix}`).replaceAll('{job_log}', `job_log_${suffix}`);
      statement = { name: `${name}_${suffix}`, text };
      byDay.set(day, statement);
    }
    return statement;
  };
}

/** The values as one PostgreSQL array literal: parsed once by the server, and several times cheaper to make than the driver's own arrays. */
export function arrayLiteral(values: readonly (string | number | boolean | null)[]): string {
  let literal = '{';
  for (let index = 0; index < values.length; index++) {
    if (index > 0) literal += ',';
    const value = values[index];
    literal +=
      typeof value === 'string'
        ? quoted(value)
        : value === null || value === undefined
          ? 'NULL'
          : String(value);
  }
  return `${literal}}`;
}

/** The ids as one array literal; ids need no quoting. */
export function idsLiteral(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}

const PLAIN = /^[A-Za-z0-9_-]+$/;

function quoted(text: string): string {
  if (PLAIN.test(text) && text.toUpperCase() !== 'NULL') return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** An array literal of one property of the items, or null when no item has it: a null array reads as all NULL and costs nothing. */
export function optionalArray<Item>(
  items: readonly Item[],
  valueOf: (item: Item) => string | number | null | undefined,
): string | null {
  if (!items.some((item) => valueOf(item) !== undefined && valueOf(item) !== null)) return null;
  return arrayLiteral(items.map((item) => valueOf(item) ?? null));
}
