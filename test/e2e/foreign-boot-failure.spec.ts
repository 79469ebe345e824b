import { Module, type DynamicModule, type INestApplicationContext, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  JobHandler,
  RookeryModule,
  defineConfig,
  defineJob,
  type Handler,
  type JobType,
} from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { failOnLeaks } from '../support/leaks.js';

const payload = z.strictObject({});
const Mail = defineJob({ name: 'mail', queue: 'letters', payload });
const OtherMail = defineJob({ name: 'mail', queue: 'parcels', payload });
const Letter = defineJob({ name: 'letter', queue: 'letters', payload });

@JobHandler(Mail)
class MailHandler implements Handler<typeof Mail> {
  handle(): void {}
}

@JobHandler(Mail)
class SecondMailHandler implements Handler<typeof Mail> {
  handle(): void {}
}

@JobHandler(OtherMail)
class OtherMailHandler implements Handler<typeof OtherMail> {
  handle(): void {}
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

// Fails when a session is left open.
afterAll(() => database.drop());

failOnLeaks();

/** What booting an application with these handlers and types fails with; closes it, as any caller has to. */
async function failureOf(
  features: readonly (readonly (Type<Handler> | JobType)[])[],
  queueNames?: string[],
): Promise<unknown> {
  @Module({})
  class App {
    static register(): DynamicModule {
      const config = defineConfig({ database: { url: database.url }, ...(queueNames && { queueNames }) }, {});
      return {
        module: App,
        imports: [
          RookeryModule.forRoot({ entry: 'all', config }),
          ...features.map((jobs) => RookeryModule.forFeature(jobs)),
        ],
      };
    }
  }
  const testing: INestApplicationContext = await Test.createTestingModule({
    imports: [App.register()],
  }).compile();
  testing.useLogger(false);
  try {
    await testing.init();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await testing.close();
  }
}

describe('the boot of an application', () => {
  it('fails on two handlers of one type, and names both classes', async () => {
    expect(await failureOf([[MailHandler], [SecondMailHandler]])).toMatchObject({
      code: 'invalid_config',
      message:
        'job type "mail" has two handlers, MailHandler and SecondMailHandler; keep one of them in the providers',
    });
  });

  it('fails on two types of one name, and names their queues', async () => {
    expect(await failureOf([[MailHandler], [OtherMailHandler]])).toMatchObject({
      code: 'invalid_config',
      message:
        'two job types are named "mail" (queues letters and parcels); rename one of the defineJob calls',
    });
  });

  it('fails on what is no handler and no job type, and names it', async () => {
    class Plain {
      handle(): void {
        // Never called.
      }
    }
    expect(() => RookeryModule.forFeature([MailHandler, Plain])).toThrow(
      'class Plain is no handler and no job type; give it classes with @JobHandler(type)',
    );
    const others: [unknown, string][] = [
      [undefined, 'number 2, undefined, is no handler and no job type'],
      [new MailHandler(), 'number 2, an instance of MailHandler, is no handler'],
      [{ name: 'mail', payload }, 'number 2, an instance of Object, is no handler'],
    ];
    for (const [other, told] of others)
      expect(() => RookeryModule.forFeature([MailHandler, other as JobType])).toThrow(told);
    // As it is where two files import each other, and the type is not there yet.
    JobHandler(undefined as unknown as JobType)(Plain);
    expect(() => RookeryModule.forFeature([Plain])).toThrow('class Plain is no handler');
  });

  it('fails on a type without a handler whose queue is served here, and tells the ways out', async () => {
    expect(await failureOf([[MailHandler, Letter]])).toMatchObject({
      code: 'invalid_config',
      message: expect.stringMatching(
        /"letter" of queue "letters" has no handler here; add a class with @JobHandler .* or start this process with --queues/,
      ) as string,
    });
  });

  it('fails on a queue that is named and not known, and lists those that are', async () => {
    expect(await failureOf([[MailHandler]], ['leters'])).toMatchObject({
      code: 'invalid_config',
      message: 'no job type with a handler has the queue "leters"; queues with handlers here: letters',
    });
  });

  it('fails on a handler that two modules provide, for there would be two of it', async () => {
    expect(await failureOf([[MailHandler], [MailHandler]])).toMatchObject({ code: 'invalid_config' });
  });

  it('succeeds on a type without a handler whose queue nobody here serves: it is only enqueued', async () => {
    expect(await failureOf([[MailHandler], [defineJob({ name: 'elsewhere', payload })]])).toBeUndefined();
  });
});
