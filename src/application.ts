import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { assertPortFree, endGracefully, type QuietLogger, type StartPlan } from './boot/index.js';
import {
  Retirement,
  answerClientError,
  answerFrameworkError,
  hasApi,
  hasDashboard,
  protectServer,
  type EntryName,
  type Lifecycle,
} from './index.js';

export type RunPlan = Extract<StartPlan, { kind: 'run' }>;

/** What the process that starts the application gives it. */
export interface ApplicationParts {
  readonly lifecycle: Lifecycle;
  readonly logger: QuietLogger;
  /** Told when the application has nothing more to do and wants to end, with the reason. */
  readonly retired: (reason: string) => void;
}

/** Our own application, answering on its port. */
export type Application = Pick<NestFastifyApplication, 'close'>;

/** Boots the application, and tells where it answers. Rejects with what keeps it from starting. */
export async function startApplication(
  plan: RunPlan,
  { lifecycle, logger, retired }: ApplicationParts,
): Promise<Application> {
  const app = await listen(plan, lifecycle, logger);
  app.get(Retirement).onRetired(retired);
  if (!lifecycle.isStopping) logger.log(await readyLine(plan, app), 'Rookery');
  return app;
}

async function listen(
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
