import type { Command } from 'commander';
import type { WorkerAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { flagsOf } from '../flags-of.js';
import { table } from '../table.js';

/** `rookery workers`: the processes that run jobs, and `drain` for one of them. */
export function workersCommand(parent: Command, context: CliContext): void {
  const workers = serverCommand(parent, 'workers', 'list the processes that run jobs; drain one').action(
    async (flags: ServerFlags) => {
      const { body } = await context
        .client(flags)
        .get<{ readonly workers: readonly WorkerAnswer[] }>('/worker');
      if (flags.json === true) context.printJson(body);
      else tell(context, body.workers);
    },
  );
  serverCommand(
    workers,
    'drain',
    'take no more jobs and finish those that run; a process that only works ends then',
  )
    .argument('<id>', 'the worker')
    .action(async (id: string, _flags: ServerFlags, command: Command) => {
      const flags = flagsOf<ServerFlags>(command);
      const { body } = await context.client(flags).post(`/worker/${encodeURIComponent(id)}/drain`);
      if (flags.json === true) context.printJson(body);
      else context.terminal.print(`${id} takes no more jobs`);
    });
}

function tell({ terminal }: CliContext, workers: readonly WorkerAnswer[]): void {
  if (workers.length === 0) return terminal.note('no workers');
  const rows = workers.map(({ id, host, pid, entry, busy, slots, stuck, draining, seenAt, queues }) => [
    id,
    `${host}:${pid}`,
    entry,
    draining ? 'drains' : 'runs',
    `${busy}/${slots}`,
    String(stuck),
    seenAt,
    queues.join(','),
  ]);
  for (const line of table(
    ['WORKER', 'PROCESS', 'ENTRY', 'STATE', 'BUSY', 'STUCK', 'SEEN', 'QUEUES'],
    rows,
  )) {
    terminal.print(line);
  }
}
