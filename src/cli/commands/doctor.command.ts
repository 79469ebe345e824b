import type { Command } from 'commander';
import { systemClock } from '../../kernel/clock.js';
import type { AttentionAnswer, DiagnosisAnswer, QueueAnswer, WorkerAnswer } from '../api-answers.js';
import { serverCommand, type CliContext, type ServerFlags } from '../cli-context.js';
import { CliError } from '../cli-error.js';
import { examine, type Finding } from '../examine.js';
import { exitCodes } from '../exit-codes.js';
import type { Colour } from '../terminal.js';

const COLOURS: Readonly<Record<Finding['verdict'], Colour>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
};

/** `rookery doctor`: what is wrong with the whole, check by check, with the remedy. */
export function doctorCommand(parent: Command, context: CliContext): void {
  serverCommand(
    parent,
    'doctor',
    'check versions, clocks, the schema, workers and queues; tell what to do',
  ).action(async (flags: ServerFlags) => {
    const client = context.client(flags);
    const askedAtMs = systemClock.now();
    const { body: diagnosis } = await client.get<DiagnosisAnswer>('/diagnosis');
    const answeredAtMs = systemClock.now();
    const [attention, queues, workers] = await Promise.all([
      client.get<{ readonly items: readonly AttentionAnswer[] }>('/attention'),
      client.get<{ readonly queues: readonly QueueAnswer[] }>('/queue'),
      client.get<{ readonly workers: readonly WorkerAnswer[] }>('/worker'),
    ]);
    const findings = examine({
      cliVersion: parent.version() ?? '',
      hereMs: (askedAtMs + answeredAtMs) / 2,
      diagnosis,
      attention: attention.body.items,
      queues: queues.body.queues,
      workers: workers.body.workers,
    });
    tell(context, findings, flags.json === true);
    const problems = findings.filter(({ verdict }) => verdict === 'problem').length;
    if (problems > 0) {
      const message = `${problems} of ${findings.length} checks found a problem`;
      throw new CliError(exitCodes.unwell, message, [], { detail: message });
    }
  });
}

function tell(context: CliContext, findings: readonly Finding[], isJsonWanted: boolean): void {
  if (isJsonWanted) return context.printJson({ findings });
  const { terminal } = context;
  for (const { check, verdict, text, remedy } of findings) {
    terminal.print(`${terminal.paint(COLOURS[verdict], verdict.padEnd(7))}  ${check.padEnd(9)}  ${text}`);
    if (remedy !== undefined) terminal.print(`${' '.repeat(20)}${remedy}`);
  }
}
