import { setTimeout as pause } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { z } from 'zod';
import {
  AbortReason,
  CONFIG,
  JobHandler,
  defineJob,
  type Handler,
  type JobContext,
  type Payload,
  type RookeryConfig,
} from '../../index.js';
import { ObjectAnnouncer } from './object-announcer.js';

/** `object`: long work on one object, at most once in five minutes an object, and canceled when it takes longer than it ever should. */
export const ObjectJob = defineJob({
  name: 'object',
  queue: 'objects',
  payload: z.strictObject({ object_id: z.string().min(1).max(512) }),
  dedupe: { window: '5m' },
  // A second more than the longest sleep by default.
  timeout: '46s',
  onTimeout: 'cancel',
  prepare: ({ object_id: objectId }, options) => ({ options: { ...options, objectId } }),
});

/** A timeout cancels this type too; a shutdown or a lost lease only puts the job off. */
function isCancel(reason: unknown): boolean {
  return reason instanceof AbortReason && (reason.abortedBy === 'canceled' || reason.abortedBy === 'timeout');
}

/** How often the progress moves, in ms: as often as it is stored. */
const STEP_MS = 1_000;

/** Sleeps, for a time between the two of `samples.object`, and wakes at once when it is to end. */
@JobHandler(ObjectJob)
export class ObjectJobHandler implements Handler<typeof ObjectJob> {
  constructor(
    @Inject(CONFIG) private readonly config: RookeryConfig,
    private readonly announcer: ObjectAnnouncer,
  ) {}

  async handle(
    { object_id: objectId }: Payload<typeof ObjectJob>,
    ctx: JobContext,
  ): Promise<{ readonly object_id: string; readonly sleptMs: number }> {
    const { minMs, maxMs } = this.config.samples.object;
    const sleptMs = minMs + Math.round(Math.random() * (maxMs - minMs));
    try {
      await this.sleep(sleptMs, ctx);
    } catch (error) {
      if (isCancel(ctx.signal.reason)) this.announcer.announce('cancelled', ctx.id, objectId);
      throw error;
    }
    this.announcer.announce('finished', ctx.id, objectId);
    return { object_id: objectId, sleptMs };
  }

  private async sleep(forMs: number, ctx: JobContext): Promise<void> {
    for (let atMs = 0; atMs < forMs; atMs += STEP_MS) {
      ctx.progress(atMs / forMs);
      await pause(Math.min(STEP_MS, forMs - atMs), undefined, { signal: ctx.signal });
    }
  }
}
