import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { ProcessEnd, exitCodes, makeLogger, planStart, readAncestors } from './boot/index.js';
import type { Application, ApplicationParts, RunPlan } from './application.js';
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
  const end = new ProcessEnd(logger, lifecycle, ancestors);
  const application = await end.untilOverdue(
    'onModuleInit or onApplicationBootstrap',
    boot(plan, { lifecycle, logger, retired: (reason) => end.ask(reason) }),
  );
  await end.stopped;
  await end.untilOverdue(
    'onModuleDestroy, beforeApplicationShutdown or onApplicationShutdown',
    Promise.resolve(application?.close()),
  );
  if (end.hurriedBy === undefined) logger.log('stopped', 'Rookery');
  else logger.error(`stopped at once: ${end.hurriedBy}`, 'Rookery');
  return end.hurriedBy === undefined ? exitCodes.stopped : exitCodes.failed;
}

/** The application, once it has started; undefined when a stop came before. Rejects, when all is stopped, with what kept it from starting. */
async function boot(plan: RunPlan, parts: ApplicationParts): Promise<Application | undefined> {
  const { lifecycle } = parts;
  try {
    // Not before: what the command line only asks is answered at once, and a job type that is wrong is told like any other mistake.
    const { startApplication } = await import('./application.js');
    return lifecycle.isStopping ? undefined : await startApplication(plan, parts);
  } catch (error) {
    // A stop amid the boot makes it fail; that is no failure.
    if (lifecycle.isStopping) return undefined;
    await lifecycle.stop();
    throw error;
  }
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
