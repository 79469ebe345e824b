import type { Command } from 'commander';
import { ApiClient } from './api-client.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';
import { serverUrl } from './server-url.js';
import type { Terminal } from './terminal.js';

/** What every command that asks a server takes. */
export interface ServerFlags {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Everything outside of the process that a command may touch. */
export class CliContext {
  constructor(
    readonly terminal: Terminal,
    readonly stdin: NodeJS.ReadableStream,
    private readonly env: Readonly<Record<string, string | undefined>>,
    private readonly cwd: string,
  ) {}

  /** A client of the server that the flags and the environment name. */
  client({ url, token }: ServerFlags): ApiClient {
    return new ApiClient(serverUrl(url, this.env, this.cwd), tokenOf(token ?? this.env['ROOKERY_TOKEN']));
  }

  /** Prints an answer for programs: one line of JSON. */
  printJson(value: unknown): void {
    this.terminal.print(JSON.stringify(value));
  }
}

/** What fits into a header; undefined for none. Throws a usage error without repeating it. */
function tokenOf(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^[!-~]+$/.test(text)) return text;
  throw new CliError(exitCodes.usage, 'the token holds a blank or a character that no token has');
}

/** Adds a command that asks a server. */
export function serverCommand(parent: Command, name: string, about: string): Command {
  return parent
    .command(name)
    .description(about)
    .option(
      '--url <url>',
      'the server; default: ROOKERY_URL, else this machine at PORT, rookery.yaml or 8080',
    )
    .option(
      '--token <secret>',
      'the token to show it; better in ROOKERY_TOKEN, where no list of processes has it',
    )
    .option('--json', 'print the answer as one line of JSON');
}
