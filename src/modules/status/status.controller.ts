import { Get, HttpCode, Param, Post } from '@nestjs/common';
import { z } from 'zod';
import { Needs } from '../access/index.js';
import { Describes, RestController } from '../job/index.js';
import { QueueReader, type QueueView } from './queue-reader.js';
import { drainAnswer, queuesAnswer, statusAnswer, workersAnswer } from './status-answers.dto.js';
import { StatusReader, type StatusTotals } from './status-reader.js';
import { WorkerList, type WorkerView } from './worker-list.js';

/** Answers for the whole: totals, queues, workers. */
@RestController('')
export class StatusController {
  constructor(
    private readonly reader: StatusReader,
    private readonly queueReader: QueueReader,
    private readonly workerList: WorkerList,
  ) {}

  @Get('status')
  @Needs('read')
  @Describes({
    tag: 'status',
    summary: 'Jobs by state, in all and by queue',
    about: 'Finished ones are counted since the beginning, also those deleted since.',
    answers: {
      200: {
        about: 'The totals',
        schema: statusAnswer,
        example: {
          processed: 3,
          done: 3,
          failed: 0,
          canceled: 1,
          waiting: 0,
          executing: 0,
          queues: [{ name: 'mail', processed: 3, done: 3, failed: 0, canceled: 1, waiting: 0, executing: 0 }],
          unservedTypes: [],
        },
      },
    },
  })
  status(): Promise<StatusTotals> {
    return this.reader.status();
  }

  @Get('queue')
  @Needs('read')
  @Describes({
    tag: 'queues',
    summary: 'All queues with their depth, age and rates',
    about: '`waiting` counts delayed jobs and those that back off too.',
    answers: {
      200: {
        about: 'The queues, by name',
        schema: queuesAnswer,
        example: {
          queues: [
            {
              name: 'mail',
              paused: false,
              pausedAt: null,
              processed: 3,
              done: 3,
              failed: 0,
              canceled: 1,
              waiting: 2,
              executing: 0,
              oldestWaitingMs: 1200,
              perMinute: { enqueued: 3.5, done: 2.6, failed: 0, canceled: 0.9 },
            },
          ],
        },
      },
    },
  })
  async queues(): Promise<{ readonly queues: readonly QueueView[] }> {
    return { queues: await this.queueReader.queues() };
  }

  @Get('worker')
  @Needs('read')
  @Describes({
    tag: 'workers',
    summary: 'The processes that run jobs',
    about: 'As their last heartbeat told: up to 5 s old.',
    answers: {
      200: {
        about: 'The workers that live, by host and process',
        schema: workersAnswer,
        example: {
          workers: [
            {
              id: '01a2032f-67a0-7000-a431-5941220d8023',
              host: 'vm',
              pid: 12421,
              entry: 'all',
              queues: ['mail'],
              types: ['greet'],
              slots: 20,
              busy: 1,
              stuck: 0,
              draining: false,
              slotsByQueue: {
                mail: { busy: 1, stuck: 0, retryBusy: 0, concurrency: 10, retryConcurrency: 10 },
              },
              startedAt: '2026-01-31T03:00:00.114Z',
              seenAt: '2026-01-31T03:00:05.114Z',
            },
          ],
        },
      },
    },
  })
  async workers(): Promise<{ readonly workers: readonly WorkerView[] }> {
    return { workers: await this.workerList.workers() };
  }

  @Post('worker/:id/drain')
  @Needs('operate')
  @Describes({
    tag: 'workers',
    summary: 'Have a worker take no more jobs',
    about: 'It finishes what it holds; a process that only works ends then. Repeating it does nothing.',
    params: { id: z.string().meta({ format: 'uuid', description: 'The id of a worker' }) },
    answers: {
      202: {
        about: 'It is asked to',
        schema: drainAnswer,
        example: { id: '01a2032f-67a0-7000-a431-5941220d8023', draining: true },
      },
    },
    errors: ['invalid_id', 'no_such_worker'],
  })
  @HttpCode(202)
  async drain(@Param('id') id: string): Promise<{ readonly id: string; readonly draining: true }> {
    await this.workerList.drain(id);
    return { id: id.toLowerCase(), draining: true };
  }
}
