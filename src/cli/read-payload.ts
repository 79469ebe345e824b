import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';

/** The payload of `enqueue`: JSON as it stands, in the file behind `@`, or on standard input for `-`. Throws a usage error for what is no JSON. */
export async function readPayload(argument: string, stdin: NodeJS.ReadableStream): Promise<unknown> {
  const source = await sourceOf(argument, stdin);
  try {
    return JSON.parse(source) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(exitCodes.usage, `the payload is no JSON: ${reason}`, [
      `write it in single quotes, as '{"param":"value"}', or pass a file as @payload.json`,
    ]);
  }
}

async function sourceOf(argument: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (argument === '-') return text(stdin);
  if (!argument.startsWith('@')) return argument;
  try {
    return await readFile(argument.slice(1), 'utf8');
  } catch (error) {
    throw new CliError(
      exitCodes.usage,
      `cannot read the payload: ${error instanceof Error ? error.message : argument}`,
    );
  }
}
