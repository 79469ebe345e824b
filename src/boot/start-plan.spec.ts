import { describe, expect, it } from 'vitest';
import { planStart, type StartPlan } from './start-plan.js';

const nestStart = [
  { pid: 3, args: ['/bin/sh', '-c', 'node dist/main'] },
  {
    pid: 2,
    args: [
      'node',
      '/app/node_modules/.bin/nest',
      'start',
      '--entry',
      'worker',
      '--port',
      '9000',
      '-t',
      '5000',
    ],
  },
];

function planned(argv: string[], ancestors: typeof nestStart = []): StartPlan {
  return planStart({ argv, env: {}, cwd: '/nowhere', ancestors, version: '1.2.3' });
}

describe('planStart', () => {
  it('prints help and version', () => {
    expect(planned(['--help'])).toMatchObject({
      kind: 'print',
      text: expect.stringContaining('Usage:') as string,
    });
    expect(planned(['--version'])).toEqual({ kind: 'print', text: '1.2.3\n' });
  });

  it('prints help although the rest of the line is wrong', () => {
    expect(planned(['--help', '--prot', '9'])).toMatchObject({ kind: 'print' });
  });

  it('takes flags from nest start, the own ones before them', () => {
    expect(planned(['--port', '9001'], nestStart)).toMatchObject({
      kind: 'run',
      entries: ['worker'],
      config: { http: { port: 9001 }, defaults: { timeoutMs: 5_000 } },
    });
  });

  it('tells a wrong entry and wrong settings together', () => {
    expect(() => planned(['--entry', 'zork', '--port', 'x'])).toThrow(
      'the configuration has 2 errors:\n' +
        '  --entry: there is no entry "zork"; known: all, job, worker, scheduler, status\n' +
        '  --port: "x" is not a whole number from 0 to 65535',
    );
  });
});
