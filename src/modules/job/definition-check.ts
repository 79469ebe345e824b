import { suggestion } from '../../config/index.js';
import { parseDuration } from '../../kernel/durations.js';
import { RookeryError, type Issue } from '../../kernel/errors.js';
import { isRecord } from '../../kernel/json.js';

const A_DURATION = 'use more than 0, as "250ms", "30s", "5m", "2h" or "14d", or a number of milliseconds';

/**
 * Checks a definition that was written in code field by field, and notes all that is wrong with it: its compiler may not have been asked. Each
 * check answers what it can; `done` throws.
 */
export class DefinitionCheck {
  private readonly issues: Issue[] = [];

  /** Notes that a field has not the value it should; `rule` says what to write. */
  that(isRight: boolean, field: string, value: unknown, rule: string): void {
    if (!isRight) this.issues.push({ path: field, message: `is ${shown(value)}; ${rule}` });
  }

  /** Notes keys that nobody reads and that are near one that is; others may be for the definition's own use. */
  slips(object: object, known: readonly string[], at = ''): void {
    for (const key of Object.keys(object)) {
      const near = known.includes(key) ? undefined : suggestion(key, known);
      if (near !== undefined)
        this.issues.push({
          path: `${at}${key}`,
          message: `is nothing that is read; did you mean ${near}?`,
        });
    }
  }

  /** True for a group of these fields. */
  group(field: string, value: object, known: readonly string[]): boolean {
    const isGroup = isRecord(value);
    this.that(isGroup, field, value, `use an object of ${known.join(', ')}`);
    if (isGroup) this.slips(value, known, `${field}.`);
    return isGroup;
  }

  /** The value, which has to be one of these. */
  oneOf<Value extends string>(field: string, value: Value, known: readonly Value[]): Value {
    this.that(known.includes(value), field, value, `use ${known.join(' or ')}`);
    return value;
  }

  /** The duration in whole ms, which has to be more than 0. */
  ms(field: string, value: unknown): number {
    const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
    this.that(ms !== undefined && ms > 0, field, value, A_DURATION);
    return ms ?? 0;
  }

  /** Throws `invalid_config` with everything that was noted of what bears this name. */
  done(kind: string, name: unknown): void {
    if (this.issues.length === 0) return;
    const what = `${kind} ${shown(name)}`;
    const lines = this.issues.map(({ path, message }) => `${path} ${message}`);
    const text =
      lines.length === 1
        ? `${what}: ${lines.join('')}`
        : [`${what} has ${lines.length} errors:`, ...lines].join('\n  ');
    throw new RookeryError('invalid_config', text, { issues: this.issues });
  }
}

/** Whatever it is, in a few words. */
function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'function':
      return value.name === '' ? 'a function' : `the function or class ${value.name}`;
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? 'an array' : 'an object';
    default:
      return String(value);
  }
}
