import { RookeryError, type Issue } from '../kernel/errors.js';
import { keyOf, type SettingLeaf } from './settings-tree.js';
import { isRecord } from '../kernel/json.js';

/** One source gives one setting one value. */
export interface Assignment {
  readonly leaf: SettingLeaf;
  readonly value: unknown;
  /** Where it was written, as people find it: `rookery.yaml:4 defaults.timeout`, `PORT`, `--port`. */
  readonly origin: string;
}

/** What one source says: the values it gives and what is wrong with it. */
export interface SourceReading {
  readonly assignments: readonly Assignment[];
  /** `path` is the origin of the mistake. */
  readonly issues: readonly Issue[];
}

/** What is wrong with the values themselves, whether or not a later source replaces them. */
export function valueIssues(assignments: readonly Assignment[]): Issue[] {
  return assignments.flatMap(({ leaf, value, origin }) => {
    const { error } = leaf.schema.safeParse(value);
    return error ? error.issues.map((issue) => ({ path: origin, message: issue.message })) : [];
  });
}

/** The values as one nested object; a later assignment replaces an earlier one of the same setting. */
export function nested(assignments: readonly Assignment[]): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { leaf, value } of assignments) {
    let parent = root;
    for (const key of leaf.path.slice(0, -1)) {
      const child = Object.hasOwn(parent, key) ? parent[key] : undefined;
      parent = isRecord(child) ? child : define(parent, key, {});
    }
    define(parent, leaf.path.at(-1) ?? '', value);
  }
  return root;
}

/** Defined, not assigned, so that a queue named `__proto__` is a key like any other. */
function define<Value>(parent: Record<string, unknown>, key: string, value: Value): Value {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
  return value;
}

/** Where the value in force of a setting was written; the key itself when it is a default. */
export function originOf(assignments: readonly Assignment[], path: readonly PropertyKey[]): string {
  const key = path.map(String).join('.');
  return assignments.findLast(({ leaf }) => keyOf(leaf.path) === key)?.origin ?? key;
}

/** The one error that tells all that is wrong with the settings, a line each. */
export function configError(issues: readonly Issue[]): RookeryError {
  const lines = issues.map(({ path, message }) => `  ${path === '' ? '' : `${path}: `}${message}`);
  const head =
    issues.length === 1
      ? 'the configuration has an error:'
      : `the configuration has ${issues.length} errors:`;
  return new RookeryError('invalid_config', [head, ...lines].join('\n'), { issues });
}
