import { describe, expect, it } from 'vitest';
import { readSettingsText } from './settings-text.js';

function issuesOf(...lines: string[]): string[] {
  return readSettingsText(lines.join('\n'), 'rookery.yaml').issues.map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

function valuesOf(...lines: string[]): Record<string, unknown> {
  const { assignments, issues } = readSettingsText(lines.join('\n'), 'rookery.yaml');
  expect(issues).toEqual([]);
  return Object.fromEntries(assignments.map(({ leaf, value }) => [leaf.path.join('.'), value]));
}

describe('rookery.yaml', () => {
  it('gives each setting the value of its key', () => {
    expect(valuesOf('http:', '  port: 80', 'queues:', '  mail: {timeout: 5m}')).toEqual({
      'http.port': 80,
      'queues.mail.timeout': '5m',
    });
  });

  it('may be empty, and so may a section', () => {
    expect(valuesOf('')).toEqual({});
    expect(valuesOf('# nothing', 'http:', 'queues:', '  mail:')).toEqual({});
  });

  it('takes true for a section that can be enabled', () => {
    expect(valuesOf('samples: true')).toEqual({ 'samples.enabled': true });
  });

  it('takes messageVisibilityTimeout for visibilityTimeout, but not both', () => {
    expect(valuesOf('queues:', '  mail: {messageVisibilityTimeout: 20s}')).toEqual({
      'queues.mail.visibilityTimeout': '20s',
    });
    expect(issuesOf('defaults:', '  visibilityTimeout: 20s', '  messageVisibilityTimeout: 20s')).toEqual([
      'rookery.yaml:3 defaults.messageVisibilityTimeout: means the same as visibilityTimeout; keep one of them',
    ]);
  });

  it('refuses an unknown key at its line and suggests the right one', () => {
    expect(issuesOf('http:', '  prot: 80')).toEqual([
      'rookery.yaml:2 http.prot: is no setting; did you mean port?',
    ]);
    expect(issuesOf('queues:', '  mail:', '    concurency: 3')).toEqual([
      'rookery.yaml:3 queues.mail.concurency: is no setting; did you mean concurrency?',
    ]);
  });

  it('finds a key that was written in the wrong section', () => {
    expect(issuesOf('port: 80')).toEqual(['rookery.yaml:1 port: is no setting; did you mean http.port?']);
  });

  it('lists the keys of the section when none is near', () => {
    expect(issuesOf('log:', '  zzzzzz: 1')).toEqual([
      'rookery.yaml:2 log.zzzzzz: is no setting; known here: level, format',
    ]);
  });

  it('tells where the entry is chosen', () => {
    expect(issuesOf('entry: worker')).toEqual([
      'rookery.yaml:1 entry: is no setting; the entry is chosen by --entry or ROOKERY_ENTRY',
    ]);
  });

  it('refuses a key without a value, a section that is none and a bad name of a queue', () => {
    expect(issuesOf('http:', '  port:')).toEqual([
      'rookery.yaml:2 http.port: has no value; give it one or remove the key',
    ]);
    expect(issuesOf('http: 80')).toEqual(['rookery.yaml:1 http: 80 is not a section with keys of its own']);
    expect(issuesOf('- a')).toEqual(['rookery.yaml: ["a"] is not a section with keys of its own']);
    expect(issuesOf('queues: {Mail: {}}')).toEqual([
      'rookery.yaml:1 queues.Mail: "Mail" is not a queue name: 1 to 64 of a-z, 0-9, _ and -',
    ]);
  });

  it('takes __proto__ for a queue like any other', () => {
    expect(valuesOf('queues:', '  __proto__: {concurrency: 3}')).toEqual({
      'queues.__proto__.concurrency': 3,
    });
  });

  it('tells the line of what is no YAML', () => {
    expect(issuesOf('http:', '  port: [80')[0]).toMatch(/^rookery\.yaml:2: is not valid YAML: /);
    expect(issuesOf('a: 1', 'a: 2')[0]).toMatch(
      /^rookery\.yaml:2: is not valid YAML: Map keys must be unique/,
    );
  });
});
