import type { Command } from 'commander';

/**
 * The flags of a command and of those above it, wherever on the line they were given: what stands nearest to the command counts, and a
 * default only where nobody gave anything.
 */
export function flagsOf<Flags>(command: Command): Flags {
  const defaults: Record<string, unknown> = {};
  const given: Record<string, unknown> = {};
  for (const level of lineageOf(command)) {
    for (const [name, value] of Object.entries<unknown>(level.opts())) {
      const isDefault = level.getOptionValueSource(name) === 'default';
      (isDefault ? defaults : given)[name] = value;
    }
  }
  return { ...defaults, ...given } as Flags;
}

/** The command behind all those above it, the program first. */
function lineageOf(command: Command): Command[] {
  return command.parent ? [...lineageOf(command.parent), command] : [command];
}
