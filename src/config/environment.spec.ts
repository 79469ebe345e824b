import { describe, expect, it } from 'vitest';
import { readEnvironment } from './environment.js';

function valuesOf(env: Record<string, string>): Record<string, unknown> {
  const { assignments, issues } = readEnvironment(env);
  expect(issues).toEqual([]);
  return Object.fromEntries(assignments.map(({ leaf, value }) => [leaf.path.join('.'), value]));
}

function issuesOf(env: Record<string, string>): string[] {
  return readEnvironment(env).issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('the environment', () => {
  it('names a setting by its key in capitals', () => {
    expect(
      valuesOf({
        ROOKERY_HTTP_SHUTDOWN_DELAY: '5s',
        ROOKERY_SAMPLES_HTTP_REQUEST_MAX_REDIRECTS: '3',
        PATH: '/bin',
      }),
    ).toEqual({ 'http.shutdownDelay': '5s', 'samples.httpRequest.maxRedirects': '3' });
  });

  it('knows DATABASE_URL, NATS_URL and PORT by the names platforms give them', () => {
    expect(valuesOf({ DATABASE_URL: 'postgres://h/d', NATS_URL: 'nats://n', PORT: '80' })).toEqual({
      'database.url': 'postgres://h/d',
      'http.port': '80',
      'nats.url': 'nats://n',
    });
  });

  it('also names a setting with a flag by that flag', () => {
    expect(valuesOf({ ROOKERY_RETRY_CONCURRENCY: '4', ROOKERY_QUEUES: 'a,b' })).toEqual({
      'defaults.retryConcurrency': '4',
      queueNames: 'a,b',
    });
    expect(issuesOf({ ROOKERY_CONCURRENCY: '4', ROOKERY_DEFAULTS_CONCURRENCY: '5' })).toEqual([
      'ROOKERY_CONCURRENCY: sets the same as ROOKERY_DEFAULTS_CONCURRENCY to another value; keep one of them',
    ]);
  });

  it('counts an empty variable as unset', () => {
    expect(valuesOf({ PORT: '', ROOKERY_NONSENSE: '' })).toEqual({});
  });

  it.each([
    ['ROOKERY_CONCURENCY', 'ROOKERY_CONCURRENCY'],
    ['ROOKERY_HTTP_PORT', 'PORT'],
    ['ROOKERY_PORT', 'PORT'],
    ['ROOKERY_DATABASE_URL', 'DATABASE_URL'],
    ['ROOKERY_NATS_URL', 'NATS_URL'],
    ['ROOKERY_POLL_INTERVAL', 'ROOKERY_DEFAULTS_POLL_INTERVAL'],
    ['ROOKERY_ENTRI', 'ROOKERY_ENTRY'],
  ])('refuses %s and suggests %s', (typed, meant) => {
    expect(issuesOf({ [typed]: '1' })).toEqual([`${typed}: is no setting; did you mean ${meant}?`]);
  });

  it('refuses an unknown variable that is near to none', () => {
    expect(issuesOf({ ROOKERY_ZZZZZZZZ: '1' })).toEqual([
      'ROOKERY_ZZZZZZZZ: is no setting; docs/configuration.md lists the variables',
    ]);
  });

  it('sends settings of one queue to the file', () => {
    expect(issuesOf({ ROOKERY_QUEUES_MAIL_CONCURRENCY: '1' })[0]).toContain(
      'rookery.yaml, under queues.<name>',
    );
  });
});
