import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import {
  exitCodes,
  makeLogger,
  planStart,
  readAncestors,
  watchParents,
  watchSignals,
  watchStrayErrors,
} from './boot/index.js';
import type { Application } from './application.js';
import { RookeryError } from './kernel/errors.js';
import { Lifecycle } from './kernel/lifecycle.js';

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** How the reason of a failed start is told; in words on standard error until the settings say otherwise. */
let tellFailure = (text: string): void => void process.stderr.write(`rookery: ${text}\n`);

/** Our own process: the settings, the application, and the way out. Answers the exit code of a process that was asked to stop. */
async function main(): Promise<ExitCode> {
  const ancestors = readAncestors();
  const plan = planStart({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    ancestors,
    version: version(),
  });
  if (plan.kind === 'print') {
    process.stdout.write(plan.text);
    return exitCodes.stopped;
  }
  const logger = makeLogger(plan.config.log, plan.entries);
  if (plan.config.log.format === 'json') tellFailure = (text) => logger.fatal(text, 'Rookery');
  const lifecycle = new Lifecycle();
  let hurriedBy: string | undefined;
  const stopAtOnce = (reason: string): void => {
    hurriedBy ??= reason;
    lifecycle.hurry();
  };
  let retired = (_reason: string): void => undefined;
  const stopped = new Promise<string>((resolve) => {
    retired = resolve;
    watchSignals((signal, isUrgent) => {
      if (!isUrgent) return resolve(signal);
      logger.warn(`stopping at once: ${signal} again; jobs that still run will run again`, 'Rookery');
      stopAtOnce(`${signal} again`);
    });
    watchParents(() => resolve('the process that started this one is gone'), ancestors);
    // At once: what runs is left to be charged as lost, so that a job which does this every time does not do it for ever.
    watchStrayErrors(logger, (message) => {
      const reason = `an error that nobody caught: ${message}`;
      stopAtOnce(reason);
      resolve(reason);
    });
  });
  const isStopped = stopped.then((reason) => {
    logger.log(`stopping: ${reason}`, 'Rookery');
    // Before the application is there, this ends the wait for its database.
    return lifecycle.stop();
  });
  let application: Application | undefined;
  try {
    // Not before: what the command line only asks is answered at once, and a job type that is wrong is told like any other mistake.
    const { startApplication } = await import('./application.js');
    if (!lifecycle.isStopping) application = await startApplication(plan, { lifecycle, logger, retired });
  } catch (error) {
    // A stop amid the boot makes it fail; that is no failure.
    if (!lifecycle.isStopping) {
      await lifecycle.stop();
      throw error;
    }
  }
  await isStopped;
  await application?.close();
  if (hurriedBy === undefined) logger.log('stopped', 'Rookery');
  else logger.error(`stopped at once: ${hurriedBy}`, 'Rookery');
  return hurriedBy === undefined ? exitCodes.stopped : exitCodes.failed;
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** A readable line for what the operator can mend; for what only a programmer can, everything there is, and then what it comes to. */
function describe(error: unknown): string {
  if (error instanceof RookeryError) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}; another process listens there: stop it, or choose another port with --port`;
  }
  if (!(error instanceof Error)) return String(error);
  return error.stack === undefined ? error.message : `${error.stack}\n${error.message}`;
}

try {
  process.exit(await main());
} catch (error) {
  tellFailure(describe(error));
  const isMisconfigured = error instanceof RookeryError && error.code === 'invalid_config';
  process.exit(isMisconfigured ? exitCodes.misconfigured : exitCodes.failed);
}
