import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import {
  assertPortFree,
  endGracefully,
  exitCodes,
  makeLogger,
  planStart,
  readAncestors,
  watchParents,
  watchSignals,
  watchStrayErrors,
  type QuietLogger,
  type StartPlan,
} from './boot/index.js';
import {
  Lifecycle,
  Retirement,
  RookeryError,
  answerClientError,
  answerFrameworkError,
  hasApi,
  hasDashboard,
  protectServer,
  type EntryName,
} from './index.js';

type RunPlan = Extract<StartPlan, { kind: 'run' }>;

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
  let exitCode: ExitCode = exitCodes.stopped;
  const stopAtOnce = (): void => {
    exitCode = exitCodes.failed;
    lifecycle.hurry();
  };
  let retired = (_reason: string): void => undefined;
  const stopped = new Promise<string>((resolve) => {
    retired = resolve;
    watchSignals((signal, isUrgent) => {
      if (!isUrgent) return resolve(signal);
      logger.warn(`stopping at once: ${signal} again; jobs that still run will run again`, 'Rookery');
      stopAtOnce();
    });
    watchParents(() => resolve('the process that started this one is gone'), ancestors);
    // At once: what runs is left to be charged as lost, so that a job which does this every time does not do it for ever.
    watchStrayErrors(logger, () => {
      stopAtOnce();
      resolve('an error that nobody caught');
    });
  });
  const isStopped = stopped.then((reason) => {
    logger.log(`stopping: ${reason}`, 'Rookery');
    // Before the application is there, this ends the wait for its database.
    return lifecycle.stop();
  });
  let app: NestFastifyApplication | undefined;
  try {
    app = await start(plan, lifecycle, logger);
    app.get(Retirement).onRetired(retired);
    if (!lifecycle.isStopping) logger.log(await readyLine(plan, app), 'Rookery');
  } catch (error) {
    // A stop amid the boot makes it fail; that is no failure.
    if (!lifecycle.isStopping) {
      await lifecycle.stop();
      throw error;
    }
  }
  await isStopped;
  await app?.close();
  logger.log('stopped', 'Rookery');
  return exitCode;
}

async function start(
  { config, entries }: RunPlan,
  lifecycle: Lifecycle,
  logger: QuietLogger,
): Promise<NestFastifyApplication> {
  await assertPortFree(config.http.port, config.http.host);
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.register(entries, config, lifecycle),
    new FastifyAdapter({
      clientErrorHandler: answerClientError,
      frameworkErrors: answerFrameworkError,
      trustProxy: config.http.trustedProxies.length > 0 ? [...config.http.trustedProxies] : false,
    }),
    { logger, abortOnError: false, forceCloseConnections: true },
  );
  // First, so that it sees every request, also those that the others refuse.
  endGracefully(app, lifecycle);
  protectServer(app, config);
  await app.listen(config.http.port, config.http.host);
  return app;
}

/** The one line that says where to look; a worker or a scheduler answers only for its health. */
async function readyLine({ entries }: RunPlan, app: NestFastifyApplication): Promise<string> {
  const url = await app.getUrl();
  return `ready: ${entries.join(', ')} at ${url} (try ${url}${lookAt(entries)})`;
}

function lookAt(entries: readonly EntryName[]): string {
  if (hasDashboard(entries)) return '/dashboard';
  return hasApi(entries) ? '/status' : '/health/ready';
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** A readable line for what the operator can mend; everything there is for what only we can. */
function describe(error: unknown): string {
  if (error instanceof RookeryError) return error.message;
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return `${error.message}; another process listens there: stop it, or choose another port with --port`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  process.exit(await main());
} catch (error) {
  tellFailure(describe(error));
  const isMisconfigured = error instanceof RookeryError && error.code === 'invalid_config';
  process.exit(isMisconfigured ? exitCodes.misconfigured : exitCodes.failed);
}
