import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CliContext } from './cli-context.js';
import { batchesCommand } from './commands/batches.command.js';
import { cancelCommand } from './commands/cancel.command.js';
import { completionCommand } from './commands/completion.command.js';
import { doctorCommand } from './commands/doctor.command.js';
import { enqueueCommand } from './commands/enqueue.command.js';
import { listCommand } from './commands/list.command.js';
import { queuesCommand } from './commands/queues.command.js';
import { retryCommand } from './commands/retry.command.js';
import { schedulesCommand } from './commands/schedules.command.js';
import { showCommand } from './commands/show.command.js';
import { startCommand } from './commands/start.command.js';
import { statusCommand } from './commands/status.command.js';
import { watchCommand } from './commands/watch.command.js';
import { workersCommand } from './commands/workers.command.js';
import { exitCodesHelp } from './exit-codes.js';

/** Of `rookery job …`, and also without the `job`. */
const jobCommands = [listCommand, showCommand, cancelCommand, retryCommand, watchCommand];

const PACKAGE = new URL('../../package.json', import.meta.url);

/** The whole command line. Errors of usage are thrown as commander's own, all others as `CliError`. */
export function cliProgram(context: CliContext): Command {
  const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string };
  const program = new Command('rookery')
    .description('Enqueues jobs and looks after them, over the REST API of a Rookery server.')
    .version(version, '-v, --version')
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError('(--help tells what there is)')
    .addHelpText('after', `\n${exitCodesHelp}`);
  startCommand(program);
  enqueueCommand(program, context);
  const job = program
    .command('job')
    .description('list, show, cancel, retry and watch jobs; all work without "job" too');
  for (const add of jobCommands) {
    add(job, context);
    add(program, context);
  }
  queuesCommand(program, context);
  schedulesCommand(program, context);
  batchesCommand(program, context);
  workersCommand(program, context);
  statusCommand(program, context);
  doctorCommand(program, context);
  completionCommand(program, context);
  return program;
}
