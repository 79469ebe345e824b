import type { ExitCode } from './exit-codes.js';

/** Ends the command: what to tell, and the exit code. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    /** Further lines, each told on its own. */
    readonly lines: readonly string[] = [],
    /** What `--json` prints in place of the message. */
    readonly json?: unknown,
  ) {
    super(message);
  }
}
