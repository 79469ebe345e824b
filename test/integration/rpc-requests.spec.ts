import { Lifecycle, JobService } from '../../src/index.js';
import { ClientNats } from '@nestjs/microservices';
import { connect, createInbox, headers } from '@nats-io/transport-node';
import { firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { Greet, Import, Paint } from '../support/rest-app.js';
import { rpcScene, type RpcReply } from '../support/rpc-app.js';

const scene = rpcScene([Greet, Import, Paint]);
const MISSING_ID = '01890000-0000-7000-8000-000000000000';
const UUID = expect.stringMatching(/^[0-9a-f-]{36}$/) as string;

async function storedCount(): Promise<number> {
  const [row] = await scene.database.query<{ count: number }>('SELECT count(*)::int AS count FROM job');
  return row?.count ?? -1;
}

describe('a plain NATS client', () => {
  beforeEach(() => scene.start());

  it('makes a job with the body of POST /job', async () => {
    const reply = await scene.ask('jobs.create', {
      name: 'greet',
      payload: { to: 'ada' },
      objectId: 'house-1',
      lane: 'high',
      delay: '1h',
      maxAttempts: 7,
    });
    expect(reply).toEqual({ id: UUID });
    const [job] = await scene.database.query(
      'SELECT name, queue, payload, object_id, max_attempts FROM job WHERE id = $1',
      [reply.id],
    );
    expect(job).toEqual({
      name: 'greet',
      queue: 'mail',
      payload: { to: 'ada' },
      object_id: 'house-1',
      max_attempts: 7,
    });
  });

  it('makes a job without waiting for an answer', async () => {
    const before = await storedCount();
    scene.client.publish('jobs.create', JSON.stringify({ name: 'paint', payload: {} }));
    await eventually(async () => (await storedCount()) === before + 1);
  });

  it('has a repeated job known by its Idempotency-Key', async () => {
    const keyed = headers();
    keyed.set('Idempotency-Key', 'once');
    const send = async (): Promise<RpcReply> =>
      (
        await scene.client.request('jobs.create', '{"name":"paint"}', { timeout: 5_000, headers: keyed })
      ).json();
    const first = await send();
    expect(first).toEqual({ id: UUID });
    expect(await send()).toEqual(first);
  });

  it('asks for a job’s status and cancels it, once', async () => {
    const { id } = await scene.ask('jobs.create', { name: 'paint', payload: {}, delay: '1h' });
    expect(await scene.ask('jobs.status', { id })).toEqual({ id, status: 'waiting' });
    expect(await scene.ask('jobs.cancel', { id })).toEqual({ id, status: 'canceled' });
    expect(await scene.ask('jobs.status', { id })).toEqual({ id, status: 'canceled' });
    expect(await scene.ask('jobs.cancel', { id })).toEqual({
      error: {
        code: 'already_finished',
        message: expect.stringContaining('is canceled already') as string,
        id,
        jobStatus: 'canceled',
      },
    });
  });

  it.each([
    ['nothing', undefined],
    ['an empty object', {}],
    ['null', null],
    ['an empty text', '""'],
  ])('gets the totals for %s', async (_what, body) => {
    expect(await scene.ask('jobs.status', body)).toMatchObject({
      processed: 0,
      waiting: expect.any(Number) as number,
      executing: 0,
      queues: expect.any(Array) as unknown[],
    });
  });

  it.each([
    ['jobs.create', '{"name": "paint"', 'malformed_json', 'is not JSON'],
    ['jobs.create', new Uint8Array([0x22, 0xff, 0xfe, 0x22]), 'malformed_json', 'is not UTF-8'],
    ['jobs.create', '{"name": "paint", "payload": {"__proto__": {}}}', 'malformed_json', '__proto__'],
    ['jobs.create', undefined, 'invalid_request', 'body is missing'],
    ['jobs.create', '[]', 'invalid_request', 'JSON object'],
    ['jobs.create', '{"name": "paint", "prioriy": 1}', 'invalid_request', 'prioriy is unknown'],
    ['jobs.create', '{"name": "pant"}', 'unknown_job_name', 'known here: greet, import, paint'],
    ['jobs.create', '{"name": "greet", "payload": {"to": 1}}', 'invalid_payload', 'payload.to'],
    ['jobs.create', '{"name": "paint", "delay": "soon"}', 'invalid_request', 'delay is "soon"'],
    ['jobs.status', '{"id": "x"}', 'invalid_id', 'is no job id'],
    ['jobs.status', `{"id": "${MISSING_ID}"}`, 'no_such_job', MISSING_ID],
    ['jobs.status', '{"ids": []}', 'invalid_request', 'ids is unknown; did you mean id?'],
    ['jobs.status', '7', 'invalid_request', 'use nothing for the totals'],
    ['jobs.cancel', undefined, 'invalid_request', 'body is missing'],
    ['jobs.cancel', '{"id": 7}', 'invalid_request', 'id is 7; use the id of a job'],
    ['jobs.cancel', `{"id": "${MISSING_ID}"}`, 'no_such_job', MISSING_ID],
  ])('is told what is wrong: %s %s', async (subject, body, code, message) => {
    const { error } = await scene.ask(subject, body);
    expect(error).toMatchObject({ code });
    expect(error?.message).toContain(message);
  });

  it('is told which job a duplicate has met, and when to come again', async () => {
    const job = { name: 'import', payload: {}, objectId: 'o-1' };
    const { id } = await scene.ask('jobs.create', job);
    expect((await scene.ask('jobs.create', job)).error).toMatchObject({ code: 'duplicate_job', jobId: id });
  });

  it('gets an error for a message of 2 MB, and the next request is answered', async () => {
    const payload = 'x'.repeat(2 * 1024 * 1024);
    expect((await scene.ask('jobs.create', { name: 'paint', payload })).error).toMatchObject({
      code: 'payload_too_large',
      maxBytes: 1_064_960,
    });
    expect(
      (await scene.ask('jobs.create', { name: 'paint', payload: payload.slice(0, 1_048_570) })).id,
    ).toEqual(UUID);
  });

  it('gets a short error where the whole is more than the server carries', async () => {
    const names = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`field-${index}`, 1]));
    const { error } = await scene.ask('jobs.create', { name: 'paint', ...names });
    expect(error).toMatchObject({ code: 'invalid_request' });
  });

  it('is heard of in the log when it waits for no answer and errs, once for a thousand', async () => {
    for (let sent = 0; sent < 1_000; sent++) scene.client.publish('jobs.create', '{"name":"pant"}');
    expect((await scene.ask('jobs.create', { name: 'paint', payload: {} })).id).toEqual(UUID);
    const warnings = scene.log.filter((line) => line.startsWith('warn: '));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(
      'a message on jobs.create that nobody waits for was refused: unknown_job_name',
    );
  });

  it('hurts nobody with an answer address that is no subject', async () => {
    for (const reply of ['>', 'a..b', '$SYS.x', 'jobs.create']) {
      scene.client.publish('jobs.status', '{"id":"x"}', { reply });
    }
    expect(await scene.ask('jobs.status')).toHaveProperty('waiting');
  });
});

describe('Nest’s ClientProxy', () => {
  let proxy: ClientNats;
  const send = (pattern: string, data: unknown): Promise<unknown> =>
    firstValueFrom(proxy.send<unknown>(pattern, data));

  beforeEach(async () => {
    await scene.start();
    proxy = new ClientNats({ servers: scene.nats.url });
    await proxy.connect();
  });
  afterEach(() => proxy.close());

  it('creates, asks and cancels, on the same subjects', async () => {
    const created = (await send('jobs.create', { name: 'paint', payload: {}, delay: '1h' })) as RpcReply;
    expect(created).toEqual({ id: UUID });
    expect(await send('jobs.status', { id: created.id })).toEqual({ id: created.id, status: 'waiting' });
    expect(await send('jobs.cancel', { id: created.id })).toEqual({ id: created.id, status: 'canceled' });
    for (const nothing of [{}, '']) {
      expect(await send('jobs.status', nothing)).toHaveProperty('queues');
    }
  });

  it('gets errors as errors, with their code', async () => {
    await expect(send('jobs.create', { name: 'pant' })).rejects.toMatchObject({ code: 'unknown_job_name' });
    await expect(send('jobs.create', '')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(send('jobs.status', { id: 'x' })).rejects.toMatchObject({ code: 'invalid_id' });
    await expect(send('jobs.cancel', { id: MISSING_ID })).rejects.toMatchObject({ code: 'no_such_job' });
    const payload = 'x'.repeat(2 * 1024 * 1024);
    await expect(send('jobs.create', { name: 'paint', payload })).rejects.toMatchObject({
      code: 'payload_too_large',
    });
  });

  it('makes a job by an event, which has no answer', async () => {
    const before = await storedCount();
    await firstValueFrom(proxy.emit('jobs.create', { name: 'paint', payload: {} }), { defaultValue: null });
    await eventually(async () => (await storedCount()) === before + 1);
  });
});

describe('processes', () => {
  it('share the requests, each answered once', async () => {
    const apps = [await scene.start(), await scene.start()];
    const inbox = createInbox();
    const replies: string[] = [];
    const listening = scene.client.subscribe(inbox, {
      callback: (_error, message) => void replies.push(message.string()),
    });
    const before = await storedCount();
    const taken = apps.map((app) => {
      const jobs = app.get(JobService);
      const enqueue = jobs.enqueueByName.bind(jobs);
      const names: string[] = [];
      jobs.enqueueByName = (...args) => {
        names.push(args[0]);
        return enqueue(...args);
      };
      return names;
    });
    for (let sent = 0; sent < 500; sent++)
      scene.client.publish('jobs.create', JSON.stringify({ name: 'paint', payload: { sent } }), {
        reply: inbox,
      });
    await eventually(() => replies.length >= 500);
    await scene.client.flush();
    listening.unsubscribe();
    expect(new Set(replies).size).toBe(500);
    expect(await storedCount()).toBe(before + 500);
    expect(taken.map((names) => names.length).reduce((sum, count) => sum + count)).toBe(500);
    for (const names of taken) expect(names.length).toBeGreaterThan(50);
  });

  it('answer what is under way when they stop, and no more', async () => {
    const app = await scene.start();
    const before = await storedCount();
    const locker = await connectLocker();
    await locker.query('LOCK TABLE job IN ACCESS EXCLUSIVE MODE');
    const replies = Array.from({ length: 50 }, () =>
      scene.ask('jobs.create', { name: 'paint', payload: {} }),
    );
    await scene.client.flush();
    const stopping = app.get(Lifecycle).stop();
    await eventually(async () => {
      const asked = await scene.ask('jobs.status', { id: 'x' }).catch((error: unknown) => String(error));
      return typeof asked === 'string' && asked.includes('no responders');
    });
    await locker.query('ROLLBACK');
    await locker.end();
    for (const reply of await Promise.all(replies)) expect(reply).toEqual({ id: UUID });
    expect(await stopping).toEqual([]);
    expect(await storedCount()).toBe(before + 50);
  });

  it('of the status entry take no requests', async () => {
    await scene.start({ entry: 'status' });
    await expect(scene.ask('jobs.status')).rejects.toThrow('no responders');
  });

  it('keep to their prefix', async () => {
    await scene.start({ prefix: 'blue' });
    await expect(scene.ask('jobs.status')).rejects.toThrow('no responders');
    expect(await scene.ask('blue.jobs.create', { name: 'paint', payload: {} })).toEqual({ id: UUID });
    const proxy = new ClientNats({ servers: scene.nats.url });
    await proxy.connect();
    expect(await firstValueFrom(proxy.send<unknown>('blue.jobs.status', {}))).toHaveProperty('queues');
    await proxy.close();
  });

  it('answer again when the server comes back, and start without it', async () => {
    await scene.nats.stop();
    const starting = scene.start();
    await eventually(() => scene.log.some((line) => line.startsWith('warn: NATS is away')));
    await scene.nats.start();
    await starting;
    const client = await connect({ servers: scene.nats.url });
    const status = async (): Promise<unknown> => (await client.request('jobs.status')).json();
    expect(await status()).toHaveProperty('queues');
    await scene.nats.kill();
    await scene.nats.start({ isWiped: true });
    await eventually(async () => (await status()) !== undefined);
    await client.close();
  });
});

async function connectLocker() {
  const { Client } = await import('pg');
  const client = new Client({ connectionString: scene.database.url });
  await client.connect();
  await client.query('BEGIN');
  return client;
}
