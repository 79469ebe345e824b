import { describe, expect, it } from 'vitest';
import { readFlags } from './flags.js';

function valuesOf(...argv: string[]): Record<string, unknown> {
  const { assignments, issues } = readFlags(argv);
  expect(issues).toEqual([]);
  return Object.fromEntries(assignments.map(({ leaf, value }) => [leaf.path.join('.'), value]));
}

function issuesOf(...argv: string[]): string[] {
  return readFlags(argv).issues.map(({ path, message }) => `${path}: ${message}`);
}

describe('flags', () => {
  it.each([[['--port', '9000']], [['--port=9000']], [['-p', '9000']], [['-p9000']]])(
    'reads %j as the port',
    (argv) => {
      expect(valuesOf(...argv)).toEqual({ 'http.port': '9000' });
    },
  );

  it('takes a bare number as milliseconds for --timeout only', () => {
    expect(valuesOf('-t', '5000')).toEqual({ 'defaults.timeout': '5000ms' });
    expect(valuesOf('--timeout', '5s')).toEqual({ 'defaults.timeout': '5s' });
    expect(valuesOf('--timeout', 'none')).toEqual({ 'defaults.timeout': 'none' });
  });

  it('reads lists, switches and what is no setting', () => {
    expect(valuesOf('--queues', 'a,b', '--insecure')).toEqual({ queueNames: 'a,b', 'http.insecure': 'true' });
    const { entry, config, isHelpWanted, isVersionWanted } = readFlags([
      '--entry',
      'job',
      '--config',
      'x.yaml',
      '-h',
      '-v',
    ]);
    expect({ entry, config, isHelpWanted, isVersionWanted }).toEqual({
      entry: 'job',
      config: 'x.yaml',
      isHelpWanted: true,
      isVersionWanted: true,
    });
  });

  it('lets the last value of a repeated flag count', () => {
    expect(valuesOf('-p', '1', '--port', '2')).toEqual({ 'http.port': '2' });
  });

  it('refuses an unknown flag with its value, and suggests the right one', () => {
    expect(issuesOf('--prot', '9000')).toEqual(['--prot: is no flag; did you mean --port?']);
    expect(issuesOf('--retryConcurrency=3')).toEqual([
      '--retryConcurrency: is no flag; did you mean --retry-concurrency?',
    ]);
    expect(issuesOf('-x')).toEqual(['-x: is no flag; --help lists them']);
  });

  it('does not take the next flag for a value', () => {
    expect(issuesOf('--port', '--entry', 'job')).toEqual(['--port: needs a value: --port PORT']);
    expect(issuesOf('--port')).toEqual(['--port: needs a value: --port PORT']);
    expect(issuesOf('--port=', 'job')[0]).toBe('--port: needs a value: --port PORT');
  });

  it('refuses what is no flag and tells how npm passes flags on', () => {
    expect(issuesOf('worker')).toEqual([
      'worker: is no flag; did you mean --entry worker? Through npm, flags go behind two dashes: npm start -- --entry worker',
    ]);
    expect(issuesOf('--', 'zork')[0]).toMatch(/^zork: is no flag, and nothing else is taken\./);
  });
});
