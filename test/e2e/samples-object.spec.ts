import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ObjectJob } from '../../src/samples/object/object-job.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp } from '../support/samples-app.js';

interface Started {
  readonly message: { readonly job_id: string };
}

interface Read {
  readonly message: {
    readonly job_id: string;
    readonly object_id: string;
    readonly status: string;
    readonly timestamp: string;
  };
}

const WAIT_5_MINUTES = { message: 'you need to wait 5 minutes before rerunning the same job' };

let scene: SamplesApp;

async function start(objectId: string): Promise<string> {
  const { status, body } = await scene.send<Started>('POST', '/', { object_id: objectId });
  expect(status).toBe(201);
  return body.message.job_id;
}

async function statusOf(id: string): Promise<string> {
  return (await scene.send<Read>('GET', `/${id}`)).body.message.status;
}

describe('the object routes', () => {
  beforeAll(async () => {
    scene = await SamplesApp.boot({ samples: { object: { min: '0s', max: '0s' } } });
  });
  afterAll(() => scene.close());

  it('answers 201 with the id of the job and nothing else', async () => {
    const { status, body } = await scene.send<Started>('POST', '/', { object_id: 'first' });
    expect(status).toBe(201);
    expect(body).toEqual({ message: { job_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string } });
  });

  it('answers 200 with id, object, status and time, and the status becomes finished', async () => {
    const id = await start('finishes');
    await eventually(async () => (await statusOf(id)) === 'finished');
    const { status, body } = await scene.send<Read>('GET', `/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      message: {
        job_id: id,
        object_id: 'finishes',
        status: 'finished',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      },
    });
  });

  it('lets one of 100 requests for an object through and tells the other 99 to wait 5 minutes', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => scene.send('POST', '/', { object_id: 'popular' })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 400);
    expect(refused).toHaveLength(99);
    for (const { body } of refused) expect(body).toEqual(WAIT_5_MINUTES);
    const rows = await scene.database.query(`SELECT FROM job WHERE object_id = 'popular'`);
    expect(rows).toHaveLength(1);
  });

  it('refuses an object again after its job has finished, until the five minutes are over', async () => {
    const id = await start('again');
    await eventually(async () => (await statusOf(id)) === 'finished');
    const early = await scene.send('POST', '/', { object_id: 'again' });
    expect(early.status).toBe(400);
    expect(early.body).toEqual(WAIT_5_MINUTES);
    const [key] = await scene.database.query<{ left: number }>(
      `SELECT extract(epoch FROM expires_at - now())::float AS left FROM job_key WHERE key LIKE '%again'`,
    );
    expect(key?.left).toBeGreaterThan(290);
    expect(key?.left).toBeLessThanOrEqual(300);
    await scene.database.query(`UPDATE job_key SET expires_at = now() WHERE key LIKE '%again'`);
    expect((await scene.send('POST', '/', { object_id: 'again' })).status).toBe(201);
  });

  it('refuses an object that was enqueued through POST /job as well', async () => {
    const body = { name: 'object', payload: { object_id: 'both ways' } };
    expect((await scene.send('POST', '/job', body)).status).toBe(201);
    expect((await scene.send('POST', '/', { object_id: 'both ways' })).body).toEqual(WAIT_5_MINUTES);
    const again = await scene.send<{ code: string }>('POST', '/job', body);
    expect([again.status, again.body.code]).toEqual([409, 'duplicate_job']);
  });

  it.each(['0198a8a0-0000-7000-8000-000000000000', 'nobody', 'UPPER', 'a%20b', '%F0%9F%90%A6'])(
    'answers 400 for the unknown id %s',
    async (id) => {
      const { status, body } = await scene.send('GET', `/${id}`);
      expect(status).toBe(400);
      expect(body).toEqual({ message: `no job with id: ${decodeURIComponent(id)}` });
    },
  );

  it('answers 400 for the id of a job that is no object', async () => {
    const made = await scene.send<{ id: string }>('POST', '/job', {
      name: 'example:job',
      payload: { param: 'x' },
    });
    const { status, body } = await scene.send('GET', `/${made.body.id}`);
    expect([status, body]).toEqual([400, { message: `no job with id: ${made.body.id}` }]);
  });

  it.each([
    ['no body', undefined],
    ['no object_id', {}],
    ['an empty object_id', { object_id: '' }],
    ['a number', { object_id: 7 }],
    ['null', { object_id: null }],
    ['513 characters', { object_id: 'x'.repeat(513) }],
  ])('answers 400 with a message for %s', async (_, body) => {
    const { status, body: answer } = await scene.send<{ message: string }>('POST', '/', body);
    expect(status).toBe(400);
    expect(Object.keys(answer)).toEqual(['message']);
    expect(answer.message).toContain('object_id');
  });

  it('answers 400 with a message for what no database can hold', async () => {
    const { status, body } = await scene.send('POST', '/', { object_id: 'a\u0000b' });
    expect(status).toBe(400);
    expect(body).toEqual({ message: expect.stringContaining('U+0000') as string });
  });

  it('answers 400 for a form, which any page may send', async () => {
    const response = await fetch(`${scene.url}/`, {
      method: 'POST',
      body: new URLSearchParams({ object_id: 'x' }),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ message: expect.stringContaining('application/json') as string });
  });

  it('answers 400 and names a field that it does not know', async () => {
    const { status, body } = await scene.send<{ message: string }>('POST', '/', {
      object_id: 'x',
      objct: 1,
    });
    expect(status).toBe(400);
    expect(body.message).toContain('objct');
  });

  it.each(['/status', '/worker', '/queue', '/health/live', '/health/ready', '/job/all'])(
    'leaves %s to the platform',
    async (path) => {
      const { status, body } = await scene.send<Record<string, unknown>>('GET', path);
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('message');
    },
  );

  it('leads from the root to the dashboard', async () => {
    const { status, headers } = await scene.send('GET', '/');
    expect([status, headers.get('location')]).toEqual([302, '/dashboard']);
  });
});

describe('an object job that takes long', () => {
  beforeAll(async () => {
    scene = await SamplesApp.boot({
      samples: { object: { min: '1m', max: '1m' } },
      shutdown: { grace: '0s' },
    });
  });
  afterAll(() => scene.close());

  it('is processing while it waits and runs', async () => {
    expect(await statusOf(await start('long'))).toBe('processing');
  });

  it('is cancelled at once when it is canceled, and leaves its slot', async () => {
    const id = await start('to cancel');
    await eventually(async () => {
      const { body } = await scene.send<{ status: string }>('GET', `/job/${id}`);
      return body.status === 'executing';
    });
    expect((await scene.send('POST', `/job/${id}/cancel`)).status).toBe(202);
    await eventually(async () => (await statusOf(id)) === 'cancelled', { withinMs: 2_000 });
  });

  it('is cancelled when its timeout is over', async () => {
    const { body } = await scene.send<{ id: string }>('POST', '/job', {
      name: 'object',
      payload: { object_id: 'to time out' },
      timeout: '100ms',
    });
    await eventually(async () => (await statusOf(body.id)) === 'cancelled');
    const { body: job } = await scene.send<{ attempt: number; history: { outcome: string }[] }>(
      'GET',
      `/job/${body.id}`,
    );
    expect(job.attempt).toBe(1);
    expect(job.history).toMatchObject([
      { outcome: 'canceled', error: { message: expect.stringContaining('timeout') as string } },
    ]);
  });

  it('has 46 seconds by its type', () => {
    expect(ObjectJob).toMatchObject({ timeoutMs: 46_000, onTimeout: 'cancel', queue: 'objects' });
  });
});
