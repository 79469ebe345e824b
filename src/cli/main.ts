#!/usr/bin/env node
import { endUnread } from './end-unread.js';
import { runCli } from './run-cli.js';
import { Terminal } from './terminal.js';

process.stdout.on('error', endUnread);

const exitCode = await runCli({
  argv: process.argv.slice(2),
  terminal: new Terminal(process.stdout, process.stderr, process.env),
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
});
// A server that was started from here has its own exit code.
if (exitCode !== 0) process.exitCode = exitCode;
