import type { Command } from 'commander';
import type { JobAnswer, LogAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { jobLines } from '../job-text.js';

interface ShowFlags extends ServerFlags {
  readonly log?: boolean;
}

/** `rookery show`: everything that is known of a job. */
export function showCommand(parent: Command, context: CliContext): void {
  serverCommand(parent, 'show', 'show everything that is known of a job')
    .argument('<id>', 'the job')
    .option('--log', 'show its log instead')
    .action(async (id: string, flags: ShowFlags) => {
      const path = `/job/${encodeURIComponent(id)}`;
      if (flags.log === true) {
        const { body } = await context.client(flags).get<LogAnswer>(`${path}/log`);
        if (flags.json === true) context.printJson(body);
        else for (const { at, message } of body.lines) context.terminal.print(`${at}  ${message}`);
        return;
      }
      const { body } = await context.client(flags).get<JobAnswer>(path);
      if (flags.json === true) context.printJson(body);
      else for (const line of jobLines(body, context.terminal)) context.terminal.print(line);
    });
}
