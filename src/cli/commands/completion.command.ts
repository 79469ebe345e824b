import { Argument, type Command } from 'commander';
import type { CliContext } from '../cli-context.js';
import { completionScript, shells, type Shell } from '../completion-script.js';

/** `rookery completion`: what makes a shell complete the command line. */
export function completionCommand(program: Command, context: CliContext): void {
  program
    .command('completion')
    .description('print a script that makes the shell complete commands and options')
    .addArgument(new Argument('<shell>', 'whose').choices(shells))
    .addHelpText('after', '\nAs in  source <(rookery completion bash)  or  rookery completion fish | source')
    .action((shell: Shell) => {
      for (const line of completionScript(program, shell).split('\n')) context.terminal.print(line);
    });
}
