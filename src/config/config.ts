import type { ApiToken } from './api-tokens.js';

/** What a queue runs by. Every queue has all of these: its own where rookery.yaml gives them, else the defaults. */
export interface QueueSettings {
  /** Longest a run may take before its signal aborts, in ms, 1…24 d; null for no limit. Default 60 s. */
  readonly timeoutMs: number | null;
  /** Fresh jobs this process runs at a time, 1…10,000. Default 10. */
  readonly concurrency: number;
  /** Jobs of the retry lane this process runs at a time, 1…10,000, beside the fresh ones. Default 10. */
  readonly retryConcurrency: number;
  /** How often a worker looks at the table for jobs that no ticket covers, in ms, 100 ms…1 h. Default 10 s. */
  readonly pollIntervalMs: number;
  /** How long a worker may stay silent before its jobs are given to others, in ms, 15 s…24 h. Default 30 s. */
  readonly visibilityTimeoutMs: number;
  /** Most jobs one claim takes, 1…500. Default 100. */
  readonly maxBatchSize: number;
}

/** Where NATS is and how to be let in. Holds passwords: never log it. */
export interface NatsSettings {
  /** One or more servers with commas between. */
  readonly url: string;
  /** At most one of `user`, `token` and `credentialsFile` is there. */
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Absolute path. */
  readonly credentialsFile?: string;
  /** Absolute paths of PEM files. Present: the connection is encrypted. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** First token of every subject. */
  readonly prefix?: string;
  /** Copies of each ticket in a cluster, 1…5. Default 1. */
  readonly replicas: number;
}

/** Every setting of a process, checked, complete and frozen. Durations are milliseconds. */
export interface RookeryConfig {
  readonly http: {
    /** Address the HTTP server binds to. Default 127.0.0.1. */
    readonly host: string;
    /** 0…65535; 0 takes any free port. Default 8080. */
    readonly port: number;
    /** True when an address other than this machine's own may be bound although nobody is asked who they are. Default false. */
    readonly insecure: boolean;
    /** How long the listener stays open after readiness turned false, in ms, 0…10 min. Default 0. */
    readonly shutdownDelayMs: number;
    /** Addresses and networks of proxies that are believed about who calls. Default none. */
    readonly trustedProxies: readonly string[];
  };
  readonly api: {
    /** Who may call the API; empty: everybody who reaches it. Holds secrets: never log it. */
    readonly tokens: readonly ApiToken[];
  };
  readonly database: {
    /** An existing PostgreSQL; absent: the embedded server. Holds a password: never log it. */
    readonly url?: string;
    /** Schema that holds the tables. Default public. */
    readonly schema: string;
    /** Absolute path of the folder of the embedded server. Default .rookery in the current folder. */
    readonly folder: string;
  };
  /** How processes reach each other; absent: not at all but by the database. */
  readonly nats?: NatsSettings;
  /** What a queue takes where it has no setting of its own. */
  readonly defaults: QueueSettings;
  /** Settings of single queues by name; read them with `queueSettings`. */
  readonly queues: Readonly<Record<string, Partial<QueueSettings>>>;
  /** The only queues this process serves, ≥ 1 name; absent: every queue it has handlers for. */
  readonly queueNames?: readonly string[];
  readonly shutdown: {
    /** How long running jobs may go on after a stop was asked for, in ms, 0…1 h. Default 25 s. */
    readonly graceMs: number;
  };
  readonly worker: {
    /** How long a handler may take to end after its signal aborted, in ms, 0…10 min; then its run is settled without it. Default 5 s. */
    readonly timeoutGraceMs: number;
  };
  readonly log: {
    /** The least important lines that are written. Default info. */
    readonly level: LogLevel;
    /** Default text. */
    readonly format: LogFormat;
  };
  readonly retention: {
    /** How long jobs are kept after the end of the day they were made, in ms, 1 d…400 d. Default 14 d. */
    readonly finishedMs: number;
    /** The same for failed ones; at least as long. Default: as long. */
    readonly failedMs: number;
  };
  readonly retire: {
    /** The process ends when it had nothing to do for so long, in ms, 1 s…24 d; null for never. Default null. */
    readonly idleTimeoutMs: number | null;
    /** The process ends when the batch of that key, or with true that of its queues, is complete. Default false. */
    readonly untilFin: string | boolean;
  };
  readonly samples: {
    /** True when the sample job types and their routes are served. Default false. */
    readonly enabled: boolean;
    /** How long an `object` job sleeps: between the two, each in ms, 0…1 h. Default 15 s…45 s. */
    readonly object: { readonly minMs: number; readonly maxMs: number };
    readonly deal: {
      /** The deals API, without a slash at its end; absent for a small one within the process. */
      readonly url?: string;
      /** Deals a day of the small API, 0…9,999. Default 60. */
      readonly dealsADay: number;
      /** Deals a page of the small API, 1…1,000. Default 25. */
      readonly pageSize: number;
      /** How long a slow deal of the small API takes, in ms, 0…1 h. Default 500 ms. */
      readonly slowMs: number;
    };
    readonly publisher: {
      /** True when the scheduler publishes jobs and the status entry prints the count. Default false. */
      readonly isEnabled: boolean;
      /** Between two published jobs, in ms, 100 ms…1 h. Default 1 s. */
      readonly publishEveryMs: number;
      /** Between two printed counts, in ms, 100 ms…1 h. Default 5 s. */
      readonly printEveryMs: number;
    };
    readonly httpRequest: {
      /** True when loopback and private addresses may be called. Default false. */
      readonly allowPrivateAddresses: boolean;
      /** Bytes of a response body that are kept, 0…500,000. Default 262,144. */
      readonly maxResponseBytes: number;
      /** Redirects followed before the request fails, 0…20. Default 5. */
      readonly maxRedirects: number;
    };
  };
}

/** Least important first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `text` for people, `json` for what collects lines. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Injection token of the `RookeryConfig`. */
export const CONFIG = Symbol('rookery:config');

/** The settings of one queue: its own before the defaults. Any name is answered, also one that no file mentions. */
export function queueSettings(config: RookeryConfig, name: string): QueueSettings {
  const own = Object.hasOwn(config.queues, name) ? config.queues[name] : undefined;
  return { ...config.defaults, ...own };
}
