import { z } from 'zod';
import { isLoopback } from './loopback.js';
import { logFormats, logLevels } from './config.js';
import {
  QUEUE_NAME,
  boolean,
  addressList,
  duration,
  durationOrNone,
  integer,
  oneOf,
  queueNameList,
  show,
  switchOrText,
  text,
  tokenList,
} from './setting-kinds.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Node's timers hold 2^31 − 1 ms, a little under 25 days. */
const LONGEST_TIMER = 24 * DAY;

/** Each day kept is a partition that every reading for due jobs opens: a year of them is what a server bears beside its work. */
const LONGEST_RETENTION = 400 * DAY;

/** Most jobs of a queue and kind that one process may run at a time. */
export const MOST_SLOTS = 10_000;

/** What each queue may set for itself; `defaults` holds the same keys for all queues. */
const queue = {
  timeout: durationOrNone({
    about: 'Longest a run may take; a job and its type may set their own',
    minMs: 1,
    maxMs: LONGEST_TIMER,
    flag: { name: 'timeout', short: 't', argument: 'TIME' },
    isBareMsInFlag: true,
  }),
  concurrency: integer({
    about: 'Fresh jobs of a queue that one process runs at a time',
    min: 1,
    max: MOST_SLOTS,
    flag: { name: 'concurrency', argument: 'N' },
  }),
  retryConcurrency: integer({
    about: 'Retried jobs of a queue that one process runs at a time, beside the fresh ones',
    min: 1,
    max: MOST_SLOTS,
    flag: { name: 'retry-concurrency', argument: 'N' },
  }),
  pollInterval: duration({
    about: 'How often a worker looks at the table for jobs that no ticket covers',
    minMs: 100,
    maxMs: HOUR,
  }),
  // Three missed heartbeats (5 s each) are no proof of death, so nothing shorter is allowed.
  visibilityTimeout: duration({
    about: 'How long a worker may stay silent before its jobs are given to others',
    minMs: 15 * SECOND,
    maxMs: DAY,
    alias: 'messageVisibilityTimeout',
  }),
  // Above 500 ids PostgreSQL was seen to plan the statements as table scans.
  maxBatchSize: integer({ about: 'Most jobs one claim takes', min: 1, max: 500 }),
};

const queueOverrides = z.strictObject({
  timeout: queue.timeout.optional(),
  concurrency: queue.concurrency.optional(),
  retryConcurrency: queue.retryConcurrency.optional(),
  pollInterval: queue.pollInterval.optional(),
  visibilityTimeout: queue.visibilityTimeout.optional(),
  maxBatchSize: queue.maxBatchSize.optional(),
});

const http = z.strictObject({
  host: text({
    about: 'Address the HTTP server binds to',
    form: 'a host name or an IP address',
    pattern: /^[^\s/]+$/,
    flag: { name: 'host', argument: 'HOST' },
  }).default('127.0.0.1'),
  port: integer({
    about: 'Port of the HTTP server; 0 takes any free one',
    min: 0,
    max: 65_535,
    variable: 'PORT',
    flag: { name: 'port', short: 'p', argument: 'PORT' },
  }).default(8080),
  insecure: boolean({
    about: 'Allows a host beyond this machine without tokens, which is to ask nobody who they are',
    flag: { name: 'insecure' },
  }).default(false),
  shutdownDelay: duration({
    about: 'How long requests are still answered after readiness turned false, for load balancers to notice',
    minMs: 0,
    maxMs: 10 * MINUTE,
  }).default(0),
  trustedProxies: addressList({
    about: 'Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` tell who calls',
    unset: 'none',
  }).default([]),
});

const api = z.strictObject({
  tokens: tokenList({
    about: 'Who may call the API, and for what: `read`, `operate` or `admin`; none: everybody who reaches it',
    unset: 'none',
  }).default([]),
});

const database = z.strictObject({
  url: text({
    about: 'An existing PostgreSQL 15 or newer to use instead of the embedded server',
    form: 'a PostgreSQL address, as "postgresql://user:password@host:5432/name"',
    pattern: /^postgres(ql)?:\/\/\S+$/,
    variable: 'DATABASE_URL',
    isSecret: true,
    unset: 'embedded server',
  }).optional(),
  schema: text({
    about: 'Schema that holds the tables',
    form: 'a schema name: up to 63 of a-z, 0-9 and _, no digit first',
    pattern: /^[a-z_][a-z0-9_]{0,62}$/,
  }).default('public'),
  folder: text({
    about: 'Folder of the embedded server, relative to the current folder',
    form: 'a path',
    pattern: /\S/,
  }).default('.rookery'),
});

const file = (about: string) => text({ about, form: 'a path', pattern: /\S/, unset: 'none' }).optional();

const NATS_SERVER = String.raw`(?:(?:nats|tls)://)?[^\s,/]+/?`;

/** What only says how to reach a server; by itself it reaches none. */
const accessKeys = ['user', 'password', 'token', 'credentialsFile', 'tls'] as const;

const nats = z
  .strictObject({
    url: text({
      about: 'NATS servers that carry tickets and signals between processes, with JetStream',
      form: 'one or more NATS addresses with commas between, as "nats://host:4222" or "tls://host:4222"',
      pattern: new RegExp(`^${NATS_SERVER}(?:\\s*,\\s*${NATS_SERVER})*$`),
      variable: 'NATS_URL',
      isSecret: true,
      unset: 'none',
    }).optional(),
    user: text({ about: 'User at NATS', form: 'a name', pattern: /\S/, unset: 'none' }).optional(),
    password: text({
      about: 'Password of `nats.user`',
      form: 'a password',
      pattern: /./s,
      isSecret: true,
      unset: 'none',
    }).optional(),
    token: text({
      about: 'Token at NATS',
      form: 'a token',
      pattern: /\S/,
      isSecret: true,
      unset: 'none',
    }).optional(),
    credentialsFile: file('Credentials file (`.creds`) at NATS; read anew at each connect'),
    tls: z
      .strictObject({
        caFile: file('Authorities (PEM) that NATS must be certified by, instead of the system’s'),
        certFile: file('Certificate (PEM) this process shows to NATS'),
        keyFile: file('Private key (PEM) of `nats.tls.certFile`'),
      })
      .optional(),
    prefix: text({
      about: 'Goes before every NATS subject and stream, to keep installations apart that share a server',
      form: 'a prefix: 1 to 64 of A-Z, a-z, 0-9, _ and -',
      pattern: /^[A-Za-z0-9_-]{1,64}$/,
      unset: 'none',
    }).optional(),
    replicas: integer({
      about: 'Copies of each ticket in a NATS cluster, for streams made from now on; an odd number',
      min: 1,
      max: 5,
    }).default(1),
  })
  .superRefine((given, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: key.split('.'), message });
    if (given.url === undefined) {
      for (const key of accessKeys.filter((name) => given[name] !== undefined))
        refuse(key, 'has no use without nats.url (NATS_URL)');
    }
    const [first, ...others] = (['user', 'token', 'credentialsFile'] as const).filter(
      (key) => given[key] !== undefined,
    );
    for (const key of others) refuse(key, `is another way to sign in than nats.${first}; keep one of them`);
    if (given.password !== undefined && given.user === undefined)
      refuse('password', 'needs nats.user beside it');
    if ((given.tls?.certFile === undefined) !== (given.tls?.keyFile === undefined)) {
      const [has, lacks] =
        given.tls?.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
      refuse(`tls.${has}`, `needs nats.tls.${lacks} beside it`);
    }
  });

const samples = z.strictObject({
  enabled: boolean({ about: 'Serves the sample job types and their routes' }).default(false),
  object: z
    .strictObject({
      min: duration({ about: 'Shortest an `object` job sleeps', minMs: 0, maxMs: HOUR }).default(15 * SECOND),
      max: duration({ about: 'Longest an `object` job sleeps', minMs: 0, maxMs: HOUR }).default(45 * SECOND),
    })
    .superRefine(({ min, max }, context) => {
      if (min > max)
        context.addIssue({ code: 'custom', path: ['min'], message: 'is longer than samples.object.max' });
    })
    .prefault({}),
  deal: z
    .strictObject({
      url: text({
        about: 'The deals API that `deals:collect` pages through',
        form: 'an http(s) URL without a slash at its end',
        pattern: /^https?:\/\/\S*[^\s/]$/,
        unset: 'a small one within the process',
      }).optional(),
      dealsADay: integer({ about: 'Deals a day of the small API', min: 0, max: 9_999 }).default(60),
      pageSize: integer({ about: 'Deals a page of the small API', min: 1, max: 1_000 }).default(25),
      slow: duration({ about: 'How long a slow deal of the small API takes', minMs: 0, maxMs: HOUR }).default(
        SECOND / 2,
      ),
    })
    .prefault({}),
  publisher: z
    .strictObject({
      enabled: boolean({
        about: 'Makes the scheduler publish a job at short intervals and the status entry print the count',
      }).default(false),
      publishEvery: duration({ about: 'Between two published jobs', minMs: 100, maxMs: HOUR }).default(
        SECOND,
      ),
      printEvery: duration({ about: 'Between two printed counts', minMs: 100, maxMs: HOUR }).default(
        5 * SECOND,
      ),
    })
    .prefault({}),
  httpRequest: z
    .strictObject({
      allowPrivateAddresses: boolean({
        about: 'Lets `http:request` call loopback and private addresses',
      }).default(false),
      maxResponseBytes: integer({
        about: 'Bytes of a response body that are kept',
        min: 0,
        max: 500_000,
      }).default(262_144),
      maxRedirects: integer({
        about: 'Redirects followed before the request fails',
        min: 0,
        max: 20,
      }).default(5),
    })
    .prefault({}),
});

const everySetting = z.strictObject({
  http: http.prefault({}),
  api: api.prefault({}),
  database: database.prefault({}),
  nats: nats.prefault({}),
  defaults: z
    .strictObject({
      timeout: queue.timeout.default(MINUTE),
      concurrency: queue.concurrency.default(10),
      retryConcurrency: queue.retryConcurrency.default(10),
      pollInterval: queue.pollInterval.default(10 * SECOND),
      visibilityTimeout: queue.visibilityTimeout.default(30 * SECOND),
      maxBatchSize: queue.maxBatchSize.default(100),
    })
    .prefault({}),
  queues: z.record(z.string().regex(QUEUE_NAME), queueOverrides).default({}),
  queueNames: queueNameList({
    about: 'The only queues this process serves',
    flag: { name: 'queues', argument: 'A,B' },
    unset: 'all',
  }).optional(),
  shutdown: z
    .strictObject({
      grace: duration({
        about: 'How long running jobs may go on after a stop was asked for',
        minMs: 0,
        maxMs: HOUR,
      }).default(25 * SECOND),
    })
    .prefault({}),
  worker: z
    .strictObject({
      timeoutGrace: duration({
        about:
          'How long a handler may take to end after its signal aborted, before its run is settled without it',
        minMs: 0,
        maxMs: 10 * MINUTE,
      }).default(5 * SECOND),
    })
    .prefault({}),
  retention: z
    .strictObject({
      finished: duration({
        about: 'How long jobs are kept after the day they were made',
        minMs: DAY,
        maxMs: LONGEST_RETENTION,
      }).default(14 * DAY),
      failed: duration({
        about: 'The same for failed jobs; not shorter',
        minMs: DAY,
        maxMs: LONGEST_RETENTION,
        unset: 'as retention.finished',
      }).optional(),
    })
    .refine(({ finished, failed = finished }) => failed >= finished, {
      path: ['failed'],
      error: 'is shorter than retention.finished',
    })
    .prefault({}),
  retire: z
    .strictObject({
      idleTimeout: durationOrNone({
        about: 'Ends a worker or a scheduler that was idle for so long',
        minMs: SECOND,
        maxMs: LONGEST_TIMER,
        flag: { name: 'idle-timeout', argument: 'TIME' },
      }).default(null),
      untilFin: switchOrText({
        about: 'Ends it when the batch of that key, or of its queues, is complete',
        form: 'the key of a batch',
        pattern: /^[^\0]{1,255}$/,
        flag: { name: 'until-fin', argument: 'KEY', isArgumentOptional: true },
      }).default(false),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: oneOf(logLevels, { about: 'The least important lines that are written' }).default('info'),
      format: oneOf(logFormats, {
        about: 'Lines for people, or one JSON object a line for what collects logs',
      }).default('text'),
    })
    .prefault({}),
  samples: samples.prefault({}),
});

/**
 * Every setting there is, by its key in rookery.yaml. Its output is complete: each default is filled in. Everything people
 * read about settings (`--help`, docs/configuration.md, error messages) is made from it.
 */
export const settingsSchema = everySetting.refine(
  ({ http: given, api: access }) => isGuarded(given, access),
  {
    path: ['http', 'host'],
    error: ({ input }) => {
      const { http: given } = input as { readonly http?: { readonly host?: unknown } };
      return (
        `${show(given?.host)} opens the API, which without tokens asks nobody who they are, to other machines; keep 127.0.0.1, ` +
        'set ROOKERY_API_TOKENS (api.tokens), or add --insecure (http.insecure) where a firewall or a proxy guards the port'
      );
    },
    // Also when another setting is wrong, so that all mistakes are told at once.
    when: () => true,
  },
);

/** True when nobody reaches the API unasked. What is missing or wrong for another reason is no reason to complain here. */
function isGuarded(
  given: { readonly host?: unknown; readonly insecure?: unknown } | undefined,
  access: { readonly tokens?: unknown } | undefined,
): boolean {
  const { host, insecure } = given ?? {};
  if (insecure === true || typeof host !== 'string' || isLoopback(host)) return true;
  return !Array.isArray(access?.tokens) || access.tokens.length > 0;
}

/** The settings as the schema answers them: every key there, durations in milliseconds. */
export type Settings = z.output<typeof settingsSchema>;

type SettingsInput = z.input<typeof settingsSchema>;

/** The settings as one writes them in code: the keys of rookery.yaml, each optional; `samples: true` is short for `{enabled: true}`. */
export type RookerySettings = Omit<SettingsInput, 'samples'> & {
  samples?: boolean | SettingsInput['samples'];
};
