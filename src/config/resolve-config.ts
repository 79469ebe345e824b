import { resolve } from 'node:path';
import type { Issue } from '../kernel/errors.js';
import { configError, nested, originOf, valueIssues, type SourceReading } from './assignment.js';
import type { NatsSettings, QueueSettings, RookeryConfig } from './config.js';
import { settingsSchema, type Settings } from './settings-schema.js';

export interface Surroundings {
  /** What a relative path in the settings starts from. */
  readonly cwd: string;
  /** Mistakes found elsewhere, to be reported together with those of the settings. */
  readonly issues: readonly Issue[];
}

/**
 * The settings that some sources give together, the later before the earlier, complete and frozen. Throws one `invalid_config`
 * that lists everything wrong in all of them, also values that a later source replaces.
 */
export function resolveConfig(
  sources: readonly SourceReading[],
  { cwd, issues }: Surroundings,
): RookeryConfig {
  const assignments = sources.flatMap((source) => source.assignments);
  const wrong = [
    ...issues,
    ...sources.flatMap((source) => [...source.issues, ...valueIssues(source.assignments)]),
  ];
  const parsed = settingsSchema.safeParse(nested(assignments));
  for (const { path, message } of parsed.error?.issues ?? [])
    wrong.push({ path: originOf(assignments, path), message });
  if (wrong.length > 0 || !parsed.success) throw configError(withoutRepeats(wrong));
  return deepFrozen(configOf(parsed.data, cwd));
}

/** A wrong value that is in force is found twice: by its source and by the schema. */
function withoutRepeats(issues: readonly Issue[]): Issue[] {
  return [...new Map(issues.map((issue) => [`${issue.path} ${issue.message}`, issue])).values()];
}

function configOf(settings: Settings, cwd: string): RookeryConfig {
  const { http, database, samples, defaults } = settings;
  const nats = natsSettings(settings.nats, cwd);
  const queues = Object.entries(settings.queues).map(([name, own]) => [name, ownSettings(own)] as const);
  return {
    http: {
      host: http.host,
      port: http.port,
      insecure: http.insecure,
      shutdownDelayMs: http.shutdownDelay,
      trustedProxies: [...http.trustedProxies],
    },
    api: { tokens: settings.api.tokens.map((token) => ({ ...token })) },
    database: {
      ...(database.url === undefined ? {} : { url: database.url }),
      schema: database.schema,
      folder: resolve(cwd, database.folder),
    },
    ...(nats === undefined ? {} : { nats }),
    defaults: {
      timeoutMs: defaults.timeout,
      concurrency: defaults.concurrency,
      retryConcurrency: defaults.retryConcurrency,
      pollIntervalMs: defaults.pollInterval,
      visibilityTimeoutMs: defaults.visibilityTimeout,
      maxBatchSize: defaults.maxBatchSize,
    },
    queues: Object.fromEntries(queues),
    ...(settings.queueNames === undefined ? {} : { queueNames: [...settings.queueNames] }),
    shutdown: { graceMs: settings.shutdown.grace },
    worker: { timeoutGraceMs: settings.worker.timeoutGrace },
    retention: {
      finishedMs: settings.retention.finished,
      failedMs: settings.retention.failed ?? settings.retention.finished,
    },
    retire: { idleTimeoutMs: settings.retire.idleTimeout, untilFin: settings.retire.untilFin },
    log: { level: settings.log.level, format: settings.log.format },
    samples: {
      enabled: samples.enabled,
      object: { minMs: samples.object.min, maxMs: samples.object.max },
      deal: {
        ...(samples.deal.url === undefined ? {} : { url: samples.deal.url }),
        dealsADay: samples.deal.dealsADay,
        pageSize: samples.deal.pageSize,
        slowMs: samples.deal.slow,
      },
      publisher: {
        isEnabled: samples.publisher.enabled,
        publishEveryMs: samples.publisher.publishEvery,
        printEveryMs: samples.publisher.printEvery,
      },
      httpRequest: { ...samples.httpRequest },
    },
  };
}

function natsSettings(nats: Settings['nats'], cwd: string): NatsSettings | undefined {
  const { url, user, password, token, credentialsFile, tls, prefix, replicas } = nats;
  if (url === undefined) return undefined;
  return {
    url,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(token === undefined ? {} : { token }),
    ...(credentialsFile === undefined ? {} : { credentialsFile: resolve(cwd, credentialsFile) }),
    ...(tls === undefined ? {} : { tls: tlsFiles(tls, cwd) }),
    ...(prefix === undefined ? {} : { prefix }),
    replicas,
  };
}

function tlsFiles(
  { caFile, certFile, keyFile }: NonNullable<Settings['nats']['tls']>,
  cwd: string,
): NonNullable<NatsSettings['tls']> {
  return {
    ...(caFile === undefined ? {} : { caFile: resolve(cwd, caFile) }),
    ...(certFile === undefined ? {} : { certFile: resolve(cwd, certFile) }),
    ...(keyFile === undefined ? {} : { keyFile: resolve(cwd, keyFile) }),
  };
}

function ownSettings(own: Settings['queues'][string]): Partial<QueueSettings> {
  const { timeout, pollInterval, visibilityTimeout, concurrency, retryConcurrency, maxBatchSize } = own;
  return {
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retryConcurrency === undefined ? {} : { retryConcurrency }),
    ...(pollInterval === undefined ? {} : { pollIntervalMs: pollInterval }),
    ...(visibilityTimeout === undefined ? {} : { visibilityTimeoutMs: visibilityTimeout }),
    ...(maxBatchSize === undefined ? {} : { maxBatchSize }),
  };
}

function deepFrozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFrozen(part);
    Object.freeze(value);
  }
  return value;
}
