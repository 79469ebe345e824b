import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { endUnread } from '../end-unread.js';

/** The server's own program, beside the folder of this one. A URL, and no import path, because importing it is starting it. */
const MAIN = new URL('../../main.js', import.meta.url);

/** `rookery start`: becomes the server, with the flags as they stand. */
export function startCommand(parent: Command): void {
  parent
    .command('start')
    .description('start a server; takes the flags of npm start, see rookery start --help')
    .usage('[flags]')
    .argument('[flags...]')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (flags: string[]) => {
      // A server stops in order, whether or not it is still read.
      process.stdout.off('error', endUnread);
      process.argv = [process.execPath, fileURLToPath(MAIN), ...flags];
      await import(MAIN.href);
    });
}
