import { Get, HttpCode, Param, Post } from '@nestjs/common';
import { RestController } from '../job/index.js';
import { QueueReader, type QueueView } from './queue-reader.js';
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
  status(): Promise<StatusTotals> {
    return this.reader.status();
  }

  @Get('queue')
  async queues(): Promise<{ readonly queues: readonly QueueView[] }> {
    return { queues: await this.queueReader.queues() };
  }

  @Get('worker')
  async workers(): Promise<{ readonly workers: readonly WorkerView[] }> {
    return { workers: await this.workerList.workers() };
  }

  @Post('worker/:id/drain')
  @HttpCode(202)
  async drain(@Param('id') id: string): Promise<{ readonly id: string; readonly draining: true }> {
    await this.workerList.drain(id);
    return { id: id.toLowerCase(), draining: true };
  }
}
