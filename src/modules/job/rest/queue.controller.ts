import { HttpCode, Param, Post } from '@nestjs/common';
import { Needs } from '../../access/index.js';
import { BodyLimit } from './body-limit.decorator.js';
import { pausedQueueAnswer } from './job-answers.dto.js';
import { Describes } from './openapi/described.decorator.js';
import { QueuePauser, type PausedQueue } from './queue-pauser.js';
import { RestController } from './rest-controller.decorator.js';

const LARGEST_BODY = 16 * 1024;

/** Pauses and resumes queues. */
@RestController('queue')
export class QueueController {
  constructor(private readonly pauser: QueuePauser) {}

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
    return this.pauser.setPaused(name, true);
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
    return this.pauser.setPaused(name, false);
  }
}
