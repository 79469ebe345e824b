import { HttpCode, Param, Post } from '@nestjs/common';
import { BodyLimit } from './body-limit.decorator.js';
import { QueuePauser, type PausedQueue } from './queue-pauser.js';
import { RestController } from './rest-controller.decorator.js';

const LARGEST_BODY = 16 * 1024;

/** Pauses and resumes queues. */
@RestController('queue')
export class QueueController {
  constructor(private readonly pauser: QueuePauser) {}

  @Post(':name/pause')
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  pause(@Param('name') name: string): Promise<PausedQueue> {
    return this.pauser.setPaused(name, true);
  }

  @Post(':name/resume')
  @HttpCode(200)
  @BodyLimit(LARGEST_BODY)
  resume(@Param('name') name: string): Promise<PausedQueue> {
    return this.pauser.setPaused(name, false);
  }
}
