import type { Ended } from './rookery-process.js';

/** The reasons, of the network, of `pg` or of the server, with which a boot ends whose database goes or stays away. */
const DATABASE_GONE =
  /\b(ECONNREFUSED|ECONNRESET|EPIPE)\b|Connection terminated|not queryable|timeout expired|Query runner already released|terminating connection|the database system is/;

/**
 * True for the one end of its own that a process may have while its database is killed: with exit code 1, before it was ready, and with
 * such a reason in its last line.
 */
export function isBootWithoutDatabase({ code, output }: Ended): boolean {
  const wasReady = / ready: /.test(output);
  return code === 1 && !wasReady && /^rookery: /m.test(output) && DATABASE_GONE.test(lastLine(output));
}

function lastLine(output: string): string {
  return output.split('\n').at(-1) ?? '';
}
