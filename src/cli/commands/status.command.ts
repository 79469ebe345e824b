import type { Command } from 'commander';
import type { TotalsAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';

const TOTALS = ['processed', 'done', 'failed', 'canceled', 'waiting', 'executing'] as const;

/** `rookery status`: how many jobs are how. */
export function statusCommand(parent: Command, context: CliContext): void {
  serverCommand(parent, 'status', 'tell how many jobs are in which state').action(
    async (flags: ServerFlags) => {
      const { body } = await context.client(flags).get<TotalsAnswer>('/status');
      if (flags.json === true) return context.printJson(body);
      for (const name of TOTALS) context.terminal.print(`${name.padEnd(9)}  ${body[name]}`);
    },
  );
}
