import { afterEach, describe, expect, it, vi } from 'vitest';
import { asRun } from '../kernel/current-run.js';
import { JsonLogger } from './json-logger.js';

/** What is written meanwhile, a record a line. */
function written(work: (logger: JsonLogger) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  const take = (text: unknown): boolean => lines.push(String(text)) > 0;
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
  work(new JsonLogger('info', 'job,worker'));
  vi.restoreAllMocks();
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

afterEach(() => vi.restoreAllMocks());

describe('JsonLogger', () => {
  it('writes an object a line with time, level, context, message, pid and entry', () => {
    const [record] = written((logger) => logger.warn('two\nlines', 'Worker'));
    expect(record).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      level: 'warn',
      context: 'Worker',
      message: 'two\nlines',
      pid: process.pid,
      entry: 'job,worker',
    });
  });

  it('keeps the stack of an error within its line', () => {
    const error = new Error('no');
    const records = written((logger) => {
      logger.error('it failed', error.stack, 'Worker');
      logger.error(error, 'Worker');
    });
    expect(records).toMatchObject([
      { level: 'error', message: 'it failed', stack: error.stack },
      { level: 'error', message: 'no', error: { name: 'Error', stack: error.stack } },
    ]);
  });

  it('names the job of what a handler logs, and of nothing else', () => {
    const run = { id: 'the-id', name: 'mail:send', queue: 'mail', run: 3, attempt: 2 };
    const [inside, outside] = written((logger) => {
      asRun(run, () => logger.log('sent', 'MailHandler'));
      logger.log('idle', 'MailHandler');
    });
    expect(inside).toMatchObject({ jobId: 'the-id', run: 3, attempt: 2, queue: 'mail', type: 'mail:send' });
    expect(outside).not.toHaveProperty('jobId');
  });

  it('says nothing below its level, nor how Nest sets itself up', () => {
    expect(
      written((logger) => {
        logger.debug('detail', 'Worker');
        logger.log('AppModule dependencies initialized', 'InstanceLoader');
      }),
    ).toEqual([]);
  });

  it('survives what cannot be told as JSON', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const [record] = written((logger) => logger.log(circular, 'Worker'));
    expect(record?.['message']).toEqual({ self: '[Circular]' });
  });
});
