import { nestStartArguments, type Ancestor } from './launchers.js';
import { flagsForRookery } from './nest-flags.js';

/**
 * The whole command line: the flags that `nest start` kept to itself, then this process's own, so that its own count
 * where both give one.
 */
export function withNestFlags(argv: readonly string[], ancestors: readonly Ancestor[]): string[] {
  return [...flagsForRookery(nestStartArguments(ancestors) ?? []), ...argv];
}
