import { Body, HttpCode, Param, Patch, Post } from '@nestjs/common';
import { Needs } from '../../access/index.js';
import { BodyLimit } from './body-limit.decorator.js';
import type { QueueSettingsChange } from '../repository/queue.repository.js';
import { CheckedBy } from './checked-by.js';
import { pausedQueueAnswer, setQueueAnswer } from './job-answers.dto.js';
import { Describes } from './openapi/described.decorator.js';
import { QueueChanger, type PausedQueue, type SetQueue } from './queue-changer.js';
import { queueSettingsRequest } from './queue-request.dto.js';
import { RestController } from './rest-controller.decorator.js';

const LARGEST_BODY = 16 * 1024;

/** Pauses, resumes and sets queues. */
@RestController('queue')
export class QueueController {
  constructor(private readonly changer: QueueChanger) {}

  @Patch(':name')
  @Needs('operate')
  @Describes({
    tag: 'queues',
    summary: 'Set how many jobs of a queue run at once, and how long they may take',
    about:
      'In every process that serves the queue, at once and until it is changed again, in place of what each was configured with: ' +
      '`concurrency` and `retryConcurrency` count the jobs of one process. `null` leaves a setting to each process again; what is left out stays.',
    answers: {
      200: {
        about: 'What is set now',
        schema: setQueueAnswer,
        example: { name: 'mail', settings: { concurrency: 20, retryConcurrency: null, timeoutMs: null } },
      },
    },
    errors: ['no_such_queue'],
  })
  @BodyLimit(LARGEST_BODY)
  set(
    @Param('name') name: string,
    @Body(new CheckedBy(queueSettingsRequest)) change: QueueSettingsChange,
  ): Promise<SetQueue> {
    return this.changer.changeSettings(name, change);
  }

  @Post(':name/pause')
  @Needs('operate')
  @Describes({
    tag: 'queues',
    summary: 'Keep the jobs of a queue from starting',
    about:
      'In every process. What runs goes on, and jobs are still taken. Answers the same when the queue is paused already.',
    answers: {
      200: {
        about: 'How it is now',
        schema: pausedQueueAnswer,
        example: { name: 'mail', paused: true, pausedAt: '2026-01-31T03:00:00.000Z' },
      },
    },
    errors: ['no_such_queue'],
  })
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  pause(@Param('name') name: string): Promise<PausedQueue> {
    return this.changer.setPaused(name, true);
  }

  @Post(':name/resume')
  @Needs('operate')
  @Describes({
    tag: 'queues',
    summary: 'Let the jobs of a queue start again',
    about: 'Answers the same when the queue is not paused.',
    answers: {
      200: {
        about: 'How it is now',
        schema: pausedQueueAnswer,
        example: { name: 'mail', paused: false, pausedAt: null },
      },
    },
    errors: ['no_such_queue'],
  })
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  resume(@Param('name') name: string): Promise<PausedQueue> {
    return this.changer.setPaused(name, false);
  }
}
