import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openNatsServer, type NatsServer } from '../support/nats-server.js';
import { SamplesApp } from '../support/samples-app.js';

interface Heard {
  readonly subject: string;
  readonly message: { readonly job_id: string; readonly object_id: string; readonly status: string };
}

let server: NatsServer;
let client: NatsConnection;
let scene: SamplesApp;

beforeAll(async () => {
  server = await openNatsServer();
  client = await connect({ servers: server.url });
  scene = await SamplesApp.boot({
    nats: { url: server.url },
    samples: { object: { min: '0s', max: '0s' } },
  });
});
afterAll(async () => {
  await scene.close();
  await client.close();
  await server.close();
});

/** What is heard of jobs until `count` messages have come. */
async function hear(count: number, during: () => Promise<void>): Promise<Heard[]> {
  const heard: Heard[] = [];
  const subscription = client.subscribe('*', { max: count });
  await client.flush();
  await during();
  for await (const message of subscription)
    heard.push({ subject: message.subject, message: message.json<Heard['message']>() });
  return heard;
}

it('tells of each object that its job was created and has finished', async () => {
  let id = '';
  const heard = await hear(2, async () => {
    const { body } = await scene.send<{ message: { job_id: string } }>('POST', '/', { object_id: 'told' });
    id = body.message.job_id;
  });
  const bySubject = new Map(heard.map(({ subject, message }) => [subject, message]));
  expect(bySubject.get('job:created')).toMatchObject({ job_id: id, object_id: 'told', status: 'processing' });
  expect(bySubject.get('job:finished')).toMatchObject({ job_id: id, object_id: 'told', status: 'finished' });
});
