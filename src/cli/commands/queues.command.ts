import type { Command } from 'commander';
import type { QueueAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { table } from '../table.js';

/** `rookery queues`: the queues, and `pause` and `resume` for one of them. */
export function queuesCommand(parent: Command, context: CliContext): void {
  const queues = serverCommand(parent, 'queues', 'list the queues; pause or resume one').action(
    async (flags: ServerFlags) => {
      const { body } = await context.client(flags).get<{ readonly queues: readonly QueueAnswer[] }>('/queue');
      if (flags.json === true) context.printJson(body);
      else tell(context, body.queues);
    },
  );
  changeCommand(queues, context, 'pause', 'start no more jobs of a queue; those that run go on');
  changeCommand(queues, context, 'resume', 'start jobs of a paused queue again');
}

function changeCommand(parent: Command, context: CliContext, act: 'pause' | 'resume', about: string): void {
  serverCommand(parent, act, about)
    .argument('<name>', 'the queue')
    .action(async (name: string, _flags: ServerFlags, command: Command) => {
      const flags = command.optsWithGlobals<ServerFlags>();
      const { body } = await context.client(flags).post(`/queue/${encodeURIComponent(name)}/${act}`);
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`${name} ${act === 'pause' ? 'is paused' : 'runs'}`);
    });
}

function tell({ terminal }: CliContext, queues: readonly QueueAnswer[]): void {
  if (queues.length === 0) return terminal.note('no queues yet');
  const rows = queues.map(({ name, paused, waiting, executing, oldestWaitingMs }) => [
    name,
    paused ? 'paused' : 'runs',
    String(waiting),
    String(executing),
    oldestWaitingMs === null ? '' : `${(oldestWaitingMs / 1000).toFixed(1)} s`,
  ]);
  const headings = ['QUEUE', 'STATE', 'WAITING', 'EXECUTING', 'OLDEST'];
  for (const line of table(headings, rows, (cell, column) =>
    column === 1 && cell === 'paused' ? terminal.paint('yellow', cell) : cell,
  )) {
    terminal.print(line);
  }
}
