import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { IdGenerator } from '../../src/kernel/ids.js';
import {
  JobHandler,
  JobService,
  defineJob,
  type Handler,
  type JobContext,
  type Payload,
} from '../../src/modules/job/index.js';
import { handlerOf } from '../support/handlers.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const Greet = defineJob({ name: 'greet', payload: z.object({ name: z.string().trim() }) });
const Shared = defineJob({ name: 'shared-a', queue: 'shared', payload: z.object({}) });
const Sibling = defineJob({ name: 'shared-b', queue: 'shared', payload: z.object({}) });

@Injectable()
class Greetings {
  constructor(private readonly jobs: JobService) {}

  async greet(name: string, id: string): Promise<string> {
    const job = await this.jobs.find(id);
    return `hello ${name}, you are ${job?.status}`;
  }
}

@JobHandler(Greet)
class GreetHandler implements Handler<typeof Greet> {
  constructor(private readonly greetings: Greetings) {}

  async handle({ name }: Payload<typeof Greet>, ctx: JobContext): Promise<string> {
    return this.greetings.greet(name, ctx.id);
  }
}

describe('a handler', () => {
  it('is a provider like any other: what it needs is injected, what the schema made is its payload', async () => {
    const { jobs } = await scene.start({ handlers: [GreetHandler], providers: [Greetings] });
    const { id } = await jobs.enqueue(Greet, { name: '  Ada ' });
    expect((await scene.reaches(id, 'done')).result).toBe('hello Ada, you are executing');
  });

  it('of a type added beside others needs nothing but to be provided', async () => {
    const { jobs } = await scene.start({
      handlers: [GreetHandler, handlerOf(Shared, () => 'a'), handlerOf(Sibling, () => 'b')],
      providers: [Greetings],
    });
    const first = await jobs.enqueue(Shared, {});
    const second = await jobs.enqueueByName('shared-b', {});
    expect((await scene.reaches(first.id, 'done')).result).toBe('a');
    expect((await scene.reaches(second.id, 'done')).result).toBe('b');
  });
});

describe('boot', () => {
  const refusal = async (options: Parameters<typeof scene.start>[0]): Promise<string> => {
    const error: unknown = await scene.start(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'invalid_config' });
    return error instanceof Error ? error.message : '';
  };

  it('fails when a type has two handlers, and names both', async () => {
    const message = await refusal({
      handlers: [handlerOf(Greet, () => 1), GreetHandler],
      providers: [Greetings],
    });
    expect(message).toMatch(/"greet" has two handlers, \w+ and GreetHandler; keep one of them/);
  });

  it('fails when two types bear one name, and names their queues', async () => {
    const other = defineJob({ name: 'greet', queue: 'elsewhere', payload: z.object({}) });
    expect(await refusal({ types: [Greet, other] })).toMatch(
      /two job types are named "greet" \(queues greet and elsewhere\)/,
    );
  });

  it('fails when a queue is served for one of its types and not for another, and says what may be done', async () => {
    const message = await refusal({ handlers: [handlerOf(Shared, () => 1)], types: [Sibling] });
    expect(message).toContain(
      '"shared-b" of queue "shared" has no handler here; add a class with @JobHandler',
    );
    expect(message).toContain('--queues without shared');
  });

  it('fails when a queue is named that nothing here serves, and names those there are', async () => {
    const message = await refusal({
      handlers: [handlerOf(Shared, () => 1)],
      config: { queueNames: ['shred'] },
    });
    expect(message).toContain(
      'no job type with a handler has the queue "shred"; queues with handlers here: shared',
    );
  });

  it('leaves no session behind when it fails, and the next one works', async () => {
    await refusal({ handlers: [handlerOf(Shared, () => 1)], types: [Sibling] });
    const sessions = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'test' AND backend_type = 'client backend'`;
    await expect.poll(() => scene.query(sessions)).toEqual([{ n: 0 }]);
    const { module } = await scene.start({ handlers: [handlerOf(Shared, () => 1)] });
    expect(module.get(IdGenerator)).toBeDefined();
  });
});

describe('with --queues', () => {
  it('a process runs the jobs of these queues alone', async () => {
    const handlers = [handlerOf(Shared, () => 'ran'), handlerOf(Greet, () => 'ran')];
    const { jobs } = await scene.start({ handlers, config: { queueNames: ['shared'] } });
    const elsewhere = await jobs.enqueue(Greet, { name: 'x' });
    const here = await jobs.enqueue(Shared, {});
    await scene.reaches(here.id, 'done');
    expect((await scene.job(elsewhere.id)).status).toBe('waiting');
    await scene.start({ handlers, config: { queueNames: ['greet'] } });
    await scene.reaches(elsewhere.id, 'done');
  });
});
