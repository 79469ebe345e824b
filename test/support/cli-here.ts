import { Readable } from 'node:stream';
import { runCli } from '../../src/cli/run-cli.js';
import { Terminal } from '../../src/cli/terminal.js';
import type { CliRun } from './cli.js';

/** Runs `rookery` within this process, to its end, against the server at `url`: for what no process of its own is needed. */
export async function runCliHere(url: string, args: readonly string[], stdin = ''): Promise<CliRun> {
  const written = { stdout: '', stderr: '' };
  const terminal = new Terminal(
    { write: (text) => (written.stdout += text) },
    { write: (text) => (written.stderr += text) },
    {},
  );
  const code = await runCli({
    argv: args,
    terminal,
    stdin: Readable.from([stdin]),
    env: { ROOKERY_URL: url },
    cwd: '/',
  });
  return { code, ...written };
}
