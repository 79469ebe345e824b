import { Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Needs } from '../access/index.js';
import { CheckedBy, Describes, RestController } from '../job/index.js';
import type { AttentionItem } from './attention.js';
import { AttentionReader } from './attention-reader.js';
import { DiagnosisReader, type Diagnosis } from './diagnosis-reader.js';
import { historyQuery, type HistoryQuery } from './history-query.dto.js';
import { JobWaitingReader, type JobWaiting } from './job-waiting.js';
import { QueueHistoryReader, type History } from './queue-history.js';
import { QueueReader, type QueueView } from './queue-reader.js';
import { attentionAnswer, historyAnswer, waitingAnswer } from './insight-answers.dto.js';
import {
  diagnosisAnswer,
  drainAnswer,
  queuesAnswer,
  statusAnswer,
  workersAnswer,
} from './status-answers.dto.js';
import { StatusReader, type StatusTotals } from './status-reader.js';
import { WorkerList, type WorkerView } from './worker-list.js';

/** Answers for the whole: totals, queues, workers. */
@RestController('')
export class StatusController {
  constructor(
    private readonly reader: StatusReader,
    private readonly queueReader: QueueReader,
    private readonly workerList: WorkerList,
    private readonly histories: QueueHistoryReader,
    private readonly attentionReader: AttentionReader,
    private readonly waitingReader: JobWaitingReader,
    private readonly diagnosisReader: DiagnosisReader,
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

  @Get('diagnosis')
  @Needs('read')
  @Describes({
    tag: 'status',
    summary: 'What this process and its database are',
    about: 'For `rookery doctor`, and for whoever reports a fault.',
    answers: {
      200: {
        about: 'Versions, clocks, the schema, and what each part of the process says of itself',
        schema: diagnosisAnswer,
        example: {
          version: '0.1.0',
          node: '20.20.2',
          at: '2026-01-31T03:00:00.000Z',
          clockOffsetMs: 0,
          database: {
            version: '18.1',
            embedded: true,
            pendingMigrations: [],
            unknownMigrations: [],
          },
          parts: { process: { isLive: true, isReady: true, detail: 'running' } },
        },
      },
    },
  })
  diagnosis(): Promise<Diagnosis> {
    return this.diagnosisReader.diagnosis();
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
              settings: { concurrency: 20, retryConcurrency: null, timeoutMs: null },
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

  @Get('queue/history')
  @Needs('read')
  @Describes({
    tag: 'queues',
    summary: 'What flowed through each queue, minute by minute',
    about: 'From counters; one reading serves all who ask within five seconds.',
    answers: {
      200: {
        about: 'One number a minute, oldest first; the last is the minute that runs',
        schema: historyAnswer,
        example: {
          from: '2026-11-22T12:15:00.000Z',
          minutes: 2,
          queues: [{ name: 'mail', enqueued: [120, 8], done: [118, 7], failed: [2, 0], canceled: [0, 0] }],
        },
      },
    },
  })
  history(@Query(new CheckedBy(historyQuery)) { minutes }: HistoryQuery): Promise<History> {
    return this.histories.history(minutes);
  }

  @Get('attention')
  @Needs('read')
  @Describes({
    tag: 'status',
    summary: 'What needs attention first',
    about:
      'Worst first, one cause once; empty when all is well. One reading serves all who ask within a second.',
    answers: {
      200: {
        about: 'What is wrong, and what to do',
        schema: attentionAnswer,
        example: {
          items: [
            {
              code: 'queue_paused',
              severity: 'warning',
              title: 'The queue mail is paused; 3 jobs wait',
              detail: 'Its jobs are taken and kept, and none starts until it is resumed.',
              queue: 'mail',
              name: null,
              workerId: null,
              since: '2026-11-22T12:16:08.475Z',
            },
          ],
        },
      },
    },
  })
  async attention(): Promise<{ readonly items: readonly AttentionItem[] }> {
    return { items: await this.attentionReader.attention() };
  }

  @Get('job/:id/waiting')
  @Needs('read')
  @Describes({
    tag: 'jobs',
    summary: 'Why a job waits',
    about: 'Every reason that would have to go before it runs, in words; none for a job that does not wait.',
    answers: {
      200: {
        about: 'Its state and the reasons',
        schema: waitingAnswer,
        example: {
          id: '01a2032b-3cb1-7000-9abe-cc46295ac6dd',
          status: 'waiting',
          reasons: [{ code: 'jobs_ahead', text: '12 jobs are ahead of it.' }],
        },
      },
    },
    errors: ['invalid_id', 'no_such_job'],
  })
  waiting(@Param('id') id: string): Promise<JobWaiting> {
    return this.waitingReader.waiting(id);
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
