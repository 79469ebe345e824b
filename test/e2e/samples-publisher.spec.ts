import { Logger } from '@nestjs/common';
import { afterEach, it, vi } from 'vitest';
import { eventually } from '../support/eventually.js';
import { openNatsServer } from '../support/nats-server.js';
import { SamplesApp } from '../support/samples-app.js';

const publisher = { enabled: true, publishEvery: '100ms', printEvery: '100ms' };

afterEach(() => vi.restoreAllMocks());

/** The numbers of processed jobs that were printed so far. */
function watchCounts(): () => number[] {
  const log = vi.spyOn(Logger.prototype, 'log');
  return () =>
    log.mock.calls.flatMap(([line]) => {
      const count = /^(\d+) jobs processed/.exec(String(line))?.[1];
      return count === undefined ? [] : [Number(count)];
    });
}

async function countsRise(counts: () => number[]): Promise<boolean> {
  return eventually(() => counts().some((count) => count >= 3), { withinMs: 15_000 });
}

it('publishes jobs over NATS and prints how many are processed', async () => {
  const server = await openNatsServer();
  try {
    const counts = watchCounts();
    const scene = await SamplesApp.boot({ nats: { url: server.url }, samples: { publisher } });
    try {
      await countsRise(counts);
    } finally {
      await scene.close();
    }
  } finally {
    await server.close();
  }
});

it('enqueues them itself where there is no NATS', async () => {
  const counts = watchCounts();
  const scene = await SamplesApp.boot({ samples: { publisher } });
  try {
    await countsRise(counts);
  } finally {
    await scene.close();
  }
});
