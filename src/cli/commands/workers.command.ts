import type { Command } from 'commander';
import type { WorkerAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { table } from '../table.js';

/** `rookery workers`: the processes that run jobs. */
export function workersCommand(parent: Command, context: CliContext): void {
  serverCommand(parent, 'workers', 'list the processes that run jobs').action(async (flags: ServerFlags) => {
    const { body } = await context
      .client(flags)
      .get<{ readonly workers: readonly WorkerAnswer[] }>('/worker');
    if (flags.json === true) context.printJson(body);
    else tell(context, body.workers);
  });
}

function tell({ terminal }: CliContext, workers: readonly WorkerAnswer[]): void {
  if (workers.length === 0) return terminal.note('no workers');
  const rows = workers.map(({ id, host, pid, entry, busy, slots, stuck, seenAt, queues }) => [
    id,
    `${host}:${pid}`,
    entry,
    `${busy}/${slots}`,
    String(stuck),
    seenAt,
    queues.join(','),
  ]);
  for (const line of table(['WORKER', 'PROCESS', 'ENTRY', 'BUSY', 'STUCK', 'SEEN', 'QUEUES'], rows)) {
    terminal.print(line);
  }
}
