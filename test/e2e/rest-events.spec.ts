import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { EventReader } from '../support/event-reader.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp } from '../support/samples-app.js';

let scene: SamplesApp;

beforeAll(async () => {
  scene = await SamplesApp.boot();
});
afterAll(() => scene.close());

const NOBODY = '01900000-0000-7000-8000-00000000000f';
const watch = (query: string): Promise<EventReader> => EventReader.open(`${scene.url}/events?${query}`);

async function enqueue(body: object = {}): Promise<string> {
  const job = { name: 'example:job', payload: { param: 'x' }, ...body };
  const { body: made } = await scene.send<{ id: string }>('POST', '/job', job);
  return made.id;
}

const isDone = ({ data }: { readonly data: Readonly<Record<string, unknown>> }): boolean =>
  data['status'] === 'done';
const stepsOf = (reader: EventReader): string[] =>
  reader.of('job').map(({ status, run }) => `${String(status)} ${String(run)}`);

describe('GET /events?jobId=', () => {
  it('tells each step of a job in order, beginning with how it is', async () => {
    await scene.send('POST', '/queue/example-job/pause');
    const id = await enqueue();
    const reader = await watch(`jobId=${id}`);
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(reader.response.headers.get('x-content-type-options')).toBe('nosniff');
    await reader.until(({ name }) => name === 'job');
    await scene.send('POST', '/queue/example-job/resume');
    await reader.until(isDone);
    const [first, ...others] = [...new Set(stepsOf(reader))];
    expect([first, ...others]).toEqual(['waiting 0', 'executing 1', 'done 1']);
    expect(reader.of('job').at(-1)).toMatchObject({ id, status: 'done', run: 1, attempt: 1 });
    await reader.close();
  });

  it('tells the steps of a job that fails and is tried again', async () => {
    const payload = { url: 'http://nowhere.invalid/' };
    const id = await enqueue({ name: 'http:request', payload, maxAttempts: 2, delay: '300ms' });
    const reader = await watch(`jobId=${id}`);
    await reader.until(({ data }) => data['status'] === 'failed');
    expect([...new Set(stepsOf(reader))]).toEqual([
      'waiting 0',
      'executing 1',
      'waiting 1',
      'executing 2',
      'failed 2',
    ]);
    await reader.close();
  });

  it('leaves no gap in the final state for whoever connects again', async () => {
    await scene.send('POST', '/queue/example-job/pause');
    const id = await enqueue();
    const before = await watch(`jobId=${id}`);
    await before.until(({ name }) => name === 'job');
    await before.close();
    await scene.send('POST', '/queue/example-job/resume');
    await scene.send('GET', `/job/${id}/status?wait=20s`);
    const after = await watch(`jobId=${id}`);
    await after.until(isDone);
    expect(stepsOf(after)).toEqual(['done 1']);
    await after.close();
  });

  it('tells of several jobs in one stream, and of no others', async () => {
    const ids = [await enqueue(), await enqueue()];
    await enqueue();
    const reader = await watch(ids.map((id) => `jobId=${id}`).join('&'));
    for (const id of ids) await reader.until((event) => isDone(event) && event.data['id'] === id);
    expect(new Set(reader.of('job').map(({ id }) => id))).toEqual(new Set(ids));
    await reader.close();
  });

  it.each([
    [`jobId=${NOBODY}`, 404, 'no_such_job'],
    [`batchId=${NOBODY}`, 404, 'no_such_batch'],
    ['queue=nobodys', 404, 'no_such_queue'],
    ['jobId=x', 400, 'invalid_request'],
    ['for=2h', 400, 'invalid_request'],
    ['type=a', 400, 'invalid_request'],
  ])('refuses ?%s with %i %s', async (query, status, code) => {
    expect(await scene.send('GET', `/events?${query}`)).toMatchObject({ status, body: { code } });
  });
});

describe('GET /events', () => {
  it('tells the counts of a batch as they rise, to its end', async () => {
    const items = Array.from({ length: 5 }, () => ({ param: 'x' }));
    const { body } = await scene.send<{ id: string }>('POST', '/batch', { name: 'example:job', items });
    const reader = await watch(`batchId=${body.id}`);
    await reader.until(({ data }) => data['status'] === 'complete');
    expect(reader.of('batch').at(-1)).toMatchObject({ id: body.id, total: 5, done: 5 });
    await reader.close();
  });

  it('tells all queues and the workers at first, then a queue whose counts have changed', async () => {
    const reader = await watch('');
    await reader.until(({ name }) => name === 'workers');
    expect(reader.of('queue').map(({ name }) => name)).toContain('example-job');
    const known = reader.events.length;
    await scene.send('POST', '/queue/objects/pause');
    const { name, data } = await eventually(() => reader.events[known]);
    expect([name, data]).toMatchObject(['queue', { name: 'objects', paused: true }]);
    await scene.send('POST', '/queue/objects/resume');
    await reader.close();
  });

  it('tells one queue only when it is asked for', async () => {
    const reader = await watch('queue=objects');
    await reader.until(({ name }) => name === 'queue');
    expect(reader.events.map(({ name, data }) => [name, data['name']])).toEqual([['queue', 'objects']]);
    await reader.close();
  });

  it('ends when it was asked to, and answers HEAD with nothing', async () => {
    const reader = await watch('for=50ms');
    await reader.ended;
    expect(reader.events.length).toBeGreaterThan(0);
    const head = await fetch(`${scene.url}/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
  });
});

describe('a thousand watchers of one process', () => {
  const WATCHERS = 1_000;

  it('are told the end of their job, by reads that they share', async () => {
    await scene.send('POST', '/queue/example-job/pause');
    const id = await enqueue();
    const opened = Array.from({ length: WATCHERS }, () => {
      const request = get(`${scene.url}/events?jobId=${id}`, { agent: false });
      return once(request, 'response').then(([response]) => response as IncomingMessage);
    });
    const answers = await Promise.all(opened);
    const { body: gauge } = await metric('rookery_event_streams');
    expect(gauge).toBe(WATCHERS);
    const texts = answers.map((answer) => untilDone(answer));
    const reads = countReads();
    await scene.send('POST', '/queue/example-job/resume');
    const told = await Promise.all(texts);
    expect(told.filter((events) => events.includes('"status":"executing"'))).toHaveLength(WATCHERS);
    // Four a second, and not one a watcher.
    expect(reads.stop()).toBeLessThan(WATCHERS / 10);
    await eventually(async () => (await metric('rookery_event_streams')).body === 0);
  });

  /** What was sent up to the job's end; then this side closes. */
  async function untilDone(answer: IncomingMessage): Promise<string> {
    let sent = '';
    for await (const chunk of answer) {
      sent += String(chunk);
      if (sent.includes('"status":"done"')) break;
    }
    return sent;
  }

  async function metric(name: string): Promise<{ readonly body: number }> {
    const shown = await fetch(`${scene.url}/metrics`).then((response) => response.text());
    return { body: Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(shown)?.[1]) };
  }

  /** Counts the statements that read where jobs stand. */
  function countReads(): { stop(): number } {
    const { control } = scene.app.get(Database);
    const query = control.query.bind(control);
    let reads = 0;
    Object.assign(control, {
      query: (...given: Parameters<typeof query>) => {
        if (JSON.stringify(given[0]).includes('status, run, attempt, progress')) reads++;
        return query(...given);
      },
    });
    return {
      stop: () => {
        Object.assign(control, { query });
        expect(reads).toBeGreaterThan(0);
        return reads;
      },
    };
  }
});

it('a stream ends when the process stops', async () => {
  const other = await SamplesApp.boot();
  const reader = await EventReader.open(`${other.url}/events`);
  await reader.until(({ name }) => name === 'workers');
  await Promise.all([other.close(), reader.ended]);
});
