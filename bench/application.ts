import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import { z } from 'zod';
import {
  JobHandler,
  JobService,
  RookeryModule,
  defineConfig,
  defineJob,
  type EntryName,
} from '../src/index.js';
import { QueueChanger } from '../src/modules/job/rest/queue-changer.js';

const QUEUE = 'bench';

/** A job that does nothing but tell that it started. */
export const NoOp = defineJob({ name: 'bench:no-op', queue: QUEUE, payload: z.object({ n: z.number() }) });

/** Hears of each start; set by the workload under way. */
export const starts = { onStart: (_n: number): void => undefined };

@JobHandler(NoOp)
class NoOpHandler {
  handle({ n }: { n: number }): void {
    starts.onStart(n);
  }
}

@Module({ providers: [QueueChanger] })
class BenchModule {}

/** One application under measurement. */
export interface BenchApplication {
  readonly jobs: JobService;
  /** Keeps workers from taking jobs, or lets them: this one at once, those beside it when they hear of it. */
  setPaused(isPaused: boolean): Promise<void>;
  stop(): Promise<void>;
}

export interface BenchSettings {
  readonly url: string;
  readonly entry: readonly EntryName[];
  readonly concurrency: number;
  /** A NATS server to carry the tickets; within the process without one. */
  readonly natsUrl?: string;
}

/** Boots Rookery without HTTP on an existing database. */
export async function startApplication({
  url,
  entry,
  concurrency,
  natsUrl,
}: BenchSettings): Promise<BenchApplication> {
  const config = defineConfig({
    database: { url },
    defaults: { concurrency, maxBatchSize: 500 },
    log: { level: 'error' },
    ...(natsUrl !== undefined && { nats: { url: natsUrl, prefix: prefixOf(url) } }),
  });
  const root = {
    module: BenchModule,
    imports: [RookeryModule.forRoot({ entry, config }), RookeryModule.forFeature([NoOpHandler])],
  };
  const context: INestApplicationContext = await NestFactory.createApplicationContext(root, {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  return {
    jobs: context.get(JobService),
    setPaused: async (isPaused) => void (await context.get(QueueChanger).setPaused(QUEUE, isPaused)),
    stop: () => context.close(),
  };
}

/** Streams of one database's own, so that no run meets the tickets of another. */
function prefixOf(url: string): string {
  return new URL(url).pathname.slice(1);
}
