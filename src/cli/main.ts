#!/usr/bin/env node
import { runCli } from './run-cli.js';
import { Terminal } from './terminal.js';

// Whoever reads the output may close it early, as `head` does; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

const exitCode = await runCli({
  argv: process.argv.slice(2),
  terminal: new Terminal(process.stdout, process.stderr, process.env),
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
});
// A server that was started from here has its own exit code.
if (exitCode !== 0) process.exitCode = exitCode;
