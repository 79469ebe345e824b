import { setTimeout as pause } from 'node:timers/promises';
import { Inject } from '@nestjs/common';
import { z } from 'zod';
import {
  CONFIG,
  JobHandler,
  defineJob,
  type Handler,
  type JobContext,
  type Payload,
  type RookeryConfig,
} from '../../index.js';

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

/** How often the progress moves, in ms: as often as it is stored. */
const STEP_MS = 1_000;

/** Sleeps, for a time between the two of `samples.object`, and wakes at once when it is to end. */
@JobHandler(ObjectJob)
export class ObjectJobHandler implements Handler<typeof ObjectJob> {
  constructor(@Inject(CONFIG) private readonly config: RookeryConfig) {}

  async handle(
    { object_id: objectId }: Payload<typeof ObjectJob>,
    ctx: JobContext,
  ): Promise<{ readonly object_id: string; readonly sleptMs: number }> {
    const { minMs, maxMs } = this.config.samples.object;
    const sleptMs = minMs + Math.round(Math.random() * (maxMs - minMs));
    for (let atMs = 0; atMs < sleptMs; atMs += STEP_MS) {
      ctx.progress(atMs / sleptMs);
      await pause(Math.min(STEP_MS, sleptMs - atMs), undefined, { signal: ctx.signal });
    }
    return { object_id: objectId, sleptMs };
  }
}
