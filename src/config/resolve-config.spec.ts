import { describe, expect, it } from 'vitest';
import { RookeryError } from '../kernel/errors.js';
import { queueSettings, type RookeryConfig } from './config.js';
import { readEnvironment } from './environment.js';
import { readFlags } from './flags.js';
import { resolveConfig } from './resolve-config.js';
import { readSettingsObject } from './settings-object.js';
import type { RookerySettings } from './settings-schema.js';
import { readSettingsText } from './settings-text.js';

interface Given {
  yaml?: string;
  env?: Record<string, string>;
  argv?: string[];
}

function resolved({ yaml = '', env = {}, argv = [] }: Given = {}): RookeryConfig {
  const sources = [readSettingsText(yaml, 'rookery.yaml'), readEnvironment(env), readFlags(argv)];
  return resolveConfig(sources, { cwd: '/srv', issues: [] });
}

function refusal(given: Given): string[] {
  try {
    resolved(given);
  } catch (error) {
    if (!(error instanceof RookeryError) || error.code !== 'invalid_config') throw error;
    return error.message.split('\n').map((line) => line.trim());
  }
  throw new Error('nothing was refused');
}

describe('the settings', () => {
  it('have a default each', () => {
    expect(resolved()).toEqual({
      http: { host: '127.0.0.1', port: 8080, insecure: false, shutdownDelayMs: 0, trustedProxies: [] },
      api: { tokens: [] },
      database: { schema: 'public', folder: '/srv/.rookery' },
      defaults: {
        timeoutMs: 60_000,
        concurrency: 10,
        retryConcurrency: 10,
        pollIntervalMs: 10_000,
        visibilityTimeoutMs: 30_000,
        maxBatchSize: 100,
      },
      queues: {},
      shutdown: { graceMs: 25_000 },
      worker: { timeoutGraceMs: 5_000 },
      log: { level: 'info', format: 'text' },
      retention: { finishedMs: 1_209_600_000, failedMs: 1_209_600_000 },
      retire: { idleTimeoutMs: null, untilFin: false },
      samples: {
        enabled: false,
        object: { minMs: 15_000, maxMs: 45_000 },
        deal: { dealsADay: 60, pageSize: 25, slowMs: 500 },
        publisher: { isEnabled: false, publishEveryMs: 1_000, printEveryMs: 5_000 },
        httpRequest: { allowPrivateAddresses: false, maxResponseBytes: 262_144, maxRedirects: 5 },
      },
    });
  });

  it('count in the order defaults, file, environment, flags', () => {
    const yaml = 'http: {port: 1}';
    const env = { PORT: '2' };
    expect(resolved({ yaml }).http.port).toBe(1);
    expect(resolved({ yaml, env }).http.port).toBe(2);
    expect(resolved({ yaml, env, argv: ['-p', '3'] }).http.port).toBe(3);
  });

  it('are frozen throughout', () => {
    const config = resolved({ yaml: 'queues: {mail: {concurrency: 3}}\nqueueNames: [mail]' });
    const parts = [config, config.http, config.queues, config.queues['mail'], config.queueNames];
    for (const part of parts) expect(Object.isFrozen(part)).toBe(true);
  });

  it('take a queue’s own before the defaults', () => {
    const yaml = 'defaults: {timeout: 2m}\nqueues: {mail: {concurrency: 3}, reports: {timeout: none}}';
    const config = resolved({ yaml });
    expect(queueSettings(config, 'mail')).toMatchObject({
      timeoutMs: 120_000,
      concurrency: 3,
      retryConcurrency: 10,
    });
    expect(queueSettings(config, 'reports').timeoutMs).toBeNull();
    expect(queueSettings(config, 'constructor')).toEqual(config.defaults);
  });

  it('read the names of queues from a flag and from a list', () => {
    expect(resolved({ argv: ['--queues', 'a, b,a'] }).queueNames).toEqual(['a', 'b']);
    expect(resolved({ yaml: 'queueNames: [a, b]' }).queueNames).toEqual(['a', 'b']);
    expect(refusal({ argv: ['--queues', ','] })).toContain('--queues: "," names no queue');
    expect(refusal({ argv: ['--queues', 'Mail'] })[1]).toContain('"Mail" is not a queue name');
  });

  it('read yes and no from text', () => {
    expect(resolved({ env: { ROOKERY_SAMPLES_ENABLED: 'true' } }).samples.enabled).toBe(true);
    expect(refusal({ env: { ROOKERY_SAMPLES_ENABLED: 'yes' } })).toContain(
      'ROOKERY_SAMPLES_ENABLED: "yes" is neither true nor false',
    );
  });
});

describe('a duration', () => {
  it.each(['30', 30])('is refused without a unit, with both readings: %j', (value) => {
    const expected = 'rookery.yaml:1 defaults.timeout: 30 could be 30ms or 30s; write "30ms" or "30s"';
    expect(refusal({ yaml: `defaults: {timeout: ${JSON.stringify(value)}}` })).toContain(expected);
  });

  it('keeps within its range', () => {
    expect(refusal({ yaml: 'defaults: {visibilityTimeout: 14s}' })[1]).toContain(
      '"14s" is too short; the least is 15s',
    );
    expect(refusal({ yaml: 'queues: {mail: {messageVisibilityTimeout: 14s}}' })[1]).toContain(
      'the least is 15s',
    );
    expect(refusal({ argv: ['-t', '0'] })).toContain('--timeout: "0ms" is too short; the least is 1ms');
    expect(refusal({ argv: ['-t', '30d'] })[1]).toContain('the most is 24d');
    expect(refusal({ argv: ['-t', 'soon'] })[1]).toContain(
      '"soon" is not a duration; write a number and a unit',
    );
  });
});

describe('wrong settings', () => {
  it('are told all at once, each with its place', () => {
    const wrong = refusal({
      yaml: 'http: {prot: 80, host: 0.0.0.0, port: no}\ndefaults: {timeout: 30}',
      env: { PORT: 'eighty', ROOKERY_CONCURENCY: '1' },
      argv: ['--concurrency', '0', '--quues', 'a'],
    });
    expect(wrong[0]).toBe('the configuration has 8 errors:');
    expect(wrong.slice(1).map((line) => line.split(': ')[0])).toEqual([
      'rookery.yaml:1 http.prot',
      'rookery.yaml:1 http.port',
      'rookery.yaml:2 defaults.timeout',
      'ROOKERY_CONCURENCY',
      'PORT',
      '--quues',
      '--concurrency',
      'rookery.yaml:1 http.host',
    ]);
  });

  it('are told once when they are in force', () => {
    expect(refusal({ env: { PORT: 'x' } })).toEqual([
      'the configuration has an error:',
      'PORT: "x" is not a whole number from 0 to 65535',
    ]);
  });

  it('are told although a later source replaces them', () => {
    expect(refusal({ env: { PORT: 'x' }, argv: ['-p', '9000'] })).toHaveLength(2);
  });

  it('keep a password out of the message', () => {
    const [, line] = refusal({ env: { DATABASE_URL: 'mysql://u:secret@h/d' } });
    expect(line).toMatch(/^DATABASE_URL: the value is not a PostgreSQL address/);
    expect(line).not.toContain('secret');
  });

  it('include a range that is upside down', () => {
    expect(refusal({ env: { ROOKERY_SAMPLES_OBJECT_MIN: '50s' } })).toContain(
      'ROOKERY_SAMPLES_OBJECT_MIN: is longer than samples.object.max',
    );
  });
});

describe('NATS', () => {
  const url = 'tls://one:4222, two';

  it('is there when its URL is, with the files resolved and no key that was not given', () => {
    expect(resolved()).not.toHaveProperty('nats');
    expect(resolved({ env: { NATS_URL: url } }).nats).toEqual({ url, replicas: 1 });
    const env = {
      NATS_URL: url,
      ROOKERY_NATS_CREDENTIALS_FILE: 'rook.creds',
      ROOKERY_NATS_TLS_CA_FILE: '/etc/ca.pem',
      ROOKERY_NATS_PREFIX: 'blue',
      ROOKERY_NATS_REPLICAS: '3',
    };
    expect(resolved({ env }).nats).toEqual({
      url,
      credentialsFile: '/srv/rook.creds',
      tls: { caFile: '/etc/ca.pem' },
      prefix: 'blue',
      replicas: 3,
    });
    const yaml = 'nats: {url: "nats://h:4222", user: rook, password: "p w"}';
    expect(resolved({ yaml }).nats).toEqual({
      url: 'nats://h:4222',
      user: 'rook',
      password: 'p w',
      replicas: 1,
    });
  });

  it.each([
    ['nats: {user: rook}', 'nats.user: has no use without nats.url (NATS_URL)'],
    ['nats: {url: h, password: p}', 'nats.password: needs nats.user beside it'],
    [
      'nats: {url: h, user: u, token: t}',
      'nats.token: is another way to sign in than nats.user; keep one of them',
    ],
    ['nats: {url: h, tls: {keyFile: k}}', 'nats.tls.keyFile: needs nats.tls.certFile beside it'],
    ['nats: {url: h, prefix: a.b}', 'nats.prefix: "a.b" is not a prefix: 1 to 64 of A-Z, a-z, 0-9, _ and -'],
    ['nats: {url: h, replicas: 7}', 'nats.replicas: 7 is not a whole number from 1 to 5'],
  ])('is refused where it contradicts itself: %s', (yaml, message) => {
    expect(refusal({ yaml })[1]).toBe(`rookery.yaml:1 ${message}`);
  });

  it.each(['http://user:secret@h', 'nats://user:secret@h,,', 'nats://secret/x/y'])(
    'refuses what is no address without repeating what may be secret: %s',
    (wrong) => {
      const [, line] = refusal({ env: { NATS_URL: wrong } });
      expect(line).toMatch(/^NATS_URL: the value is not one or more NATS addresses/);
      expect(line).not.toContain('secret');
    },
  );
});

describe('a host that others can reach', () => {
  it('is refused unless the operator insists', () => {
    const [, line] = refusal({ argv: ['--host', '0.0.0.0'] });
    expect(line).toMatch(
      /^--host: "0\.0\.0\.0" opens the API, which without tokens asks nobody who they are, to other machines; .*--insecure/,
    );
    expect(resolved({ argv: ['--host', '0.0.0.0', '--insecure'] }).http).toMatchObject({
      host: '0.0.0.0',
      insecure: true,
    });
    expect(resolved({ argv: ['--host', '::1'] }).http.host).toBe('::1');
  });
});

describe('settings in code', () => {
  function defined(settings: RookerySettings): RookeryConfig {
    const source = readSettingsObject(settings, (path) => path.join('.'));
    return resolveConfig([source], { cwd: '/srv', issues: [] });
  }

  it('have the keys of the file', () => {
    const config = defined({
      samples: true,
      defaults: { timeout: 'none' },
      queues: { mail: { timeout: '5m' } },
    });
    expect(config.samples.enabled).toBe(true);
    expect(config.defaults.timeoutMs).toBeNull();
    expect(config.queues['mail']).toEqual({ timeoutMs: 300_000 });
  });

  it('leave a key out when it is undefined', () => {
    expect(defined({ database: { url: undefined } }).database).not.toHaveProperty('url');
  });
});
