import { get } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { JobEndings } from '../../src/modules/job/index.js';
import { JobWaits } from '../../src/modules/job/rest/job-waits.js';
import { eventually } from '../support/eventually.js';
import { failOnLeaks } from '../support/leaks.js';
import { RestApp } from '../support/rest-app.js';

let rest: RestApp;
let waits: JobWaits;

const waiting = (count: number): Promise<boolean> => eventually(() => waits.waiting === count);

describe('GET /job/:id/status?wait=', () => {
  failOnLeaks({ ignore: ['TCPSocketWrap'] });

  beforeEach(async () => {
    rest = await RestApp.boot();
    waits = rest.app.get(JobWaits);
  });
  afterEach(() => rest.close());

  it.each(['done', 'failed', 'canceled'] as const)('answers as soon as the job is %s', async (end) => {
    const id = await rest.paint();
    const answer = rest.get(`/job/${id}/status?wait=60s`);
    await waiting(1);
    await rest.end(id, end);
    expect(await answer).toMatchObject({ status: 200, body: { id, status: end } });
    expect(waits.waiting).toBe(0);
  });

  it('answers without another read what a worker of this process has recorded', async () => {
    const id = await rest.paint();
    const answer = rest.get(`/job/${id}/status?wait=60s`);
    await waiting(1);
    const statements = vi.spyOn(rest.app.get(Database).control, 'query');
    rest.app.get(JobEndings).tell({ id, status: 'done' });
    expect((await answer).body).toEqual({ id, status: 'done' });
    expect(statements).not.toHaveBeenCalled();
  });

  it('answers at once for a job that has ended', async () => {
    const id = await rest.paint();
    await rest.end(id, 'done');
    expect((await rest.get(`/job/${id}/status?wait=60s`)).body).toEqual({ id, status: 'done' });
  });

  it('answers the state the job is in when the time is up', async () => {
    const id = await rest.paint();
    const answer = rest.get(`/job/${id}/status?wait=400`);
    await waiting(1);
    await rest.claim(id);
    expect((await answer).body).toEqual({ id, status: 'executing' });
  });

  it('answers 404 when the job is deleted meanwhile', async () => {
    const id = await rest.paint();
    const answer = rest.get(`/job/${id}/status?wait=60s`);
    await waiting(1);
    await rest.database.query('DELETE FROM job');
    expect((await answer).body).toMatchObject({ status: 404, code: 'no_such_job' });
  });

  it('asks once for all the jobs that 200 requests wait for', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => rest.paint()));
    const answers = Array.from({ length: 200 }, (_, n) =>
      rest.get(`/job/${String(ids[n % 40])}/status?wait=60s`),
    );
    await waiting(200);
    const statements = vi.spyOn(rest.app.get(Database).control, 'query');
    await eventually(() => statements.mock.calls.length >= 3);
    const named = statements.mock.calls.map(([, values]) => String(values?.[0]).split(',').length);
    expect(new Set(named)).toEqual(new Set([40]));
    await rest.post('/job/cancel', { all: true });
    expect((await Promise.all(answers)).map((answer) => answer.body['status'])).toEqual(
      Array(200).fill('canceled'),
    );
  });

  it('outlasts a read that fails', async () => {
    const id = await rest.paint();
    const answer = rest.get(`/job/${id}/status?wait=60s`);
    await waiting(1);
    const failing = vi
      .spyOn(rest.app.get(Database).control, 'query')
      .mockRejectedValueOnce(new Error('Connection terminated'));
    await eventually(() => failing.mock.calls.length >= 1);
    await rest.end(id, 'done');
    expect((await answer).body).toEqual({ id, status: 'done' });
  });

  it('ends when the client goes away', async () => {
    const id = await rest.paint();
    await rest.app.listen(0, '127.0.0.1');
    const client = get(`${await rest.app.getUrl()}/job/${id}/status?wait=60s`);
    client.on('error', () => undefined);
    await waiting(1);
    client.destroy();
    await waiting(0);
  });

  it('answers everyone when the process stops', async () => {
    const id = await rest.paint();
    await rest.app.listen(0, '127.0.0.1');
    const answer = fetch(`${await rest.app.getUrl()}/job/${id}/status?wait=60s`);
    await waiting(1);
    await rest.app.close();
    expect(await (await answer).json()).toEqual({ id, status: 'waiting' });
  });
});
