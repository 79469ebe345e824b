import { CommanderError } from 'commander';
import { CliContext } from './cli-context.js';
import { CliError } from './cli-error.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { withJoinedWait } from './parse-flags.js';
import { cliProgram } from './program.js';
import type { Terminal } from './terminal.js';

export interface CliSurroundings {
  /** Without node and script. */
  readonly argv: readonly string[];
  readonly terminal: Terminal;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Runs one command line and answers its exit code; every error has been told by then. */
export async function runCli({ argv, terminal, stdin, env, cwd }: CliSurroundings): Promise<ExitCode> {
  try {
    await cliProgram(new CliContext(terminal, stdin, env, cwd)).parseAsync(withJoinedWait(argv), {
      from: 'user',
    });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    if (!(error instanceof CliError)) throw error;
    tellError(terminal, error, argv.includes('--json'));
    return error.exitCode;
  }
}

function tellError(terminal: Terminal, { message, lines, json }: CliError, isJsonWanted: boolean): void {
  if (isJsonWanted) {
    terminal.note(JSON.stringify(json ?? { detail: message }));
    return;
  }
  terminal.note(`${terminal.paintNote('red', 'error:')} ${message}`);
  for (const line of lines) terminal.note(`  ${line}`);
}
