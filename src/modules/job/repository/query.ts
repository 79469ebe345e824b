import type { ControlQueries, HotQueries } from '../../database/index.js';
import type { Statement } from './partition-statement.js';

/** Runs one statement and answers its rows; what the repositories are given, so that they run on any kind of connection. */
export type Query = <Row extends object>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>;

/** Queries of a hot connection, or of a transaction on one: prepared under the statement's name. */
export function hotQuery(queries: HotQueries): Query {
  return (statement, values) => queries.query({ name: statement.name, text: statement.text, values });
}

/** Queries of the control pool, or of a transaction on it. */
export function controlQuery(queries: ControlQueries): Query {
  return (statement, values) => queries.query(statement.text, values);
}
