import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { median } from './figures.js';

const TRIES = 50;
const BLOCK = Buffer.alloc(8_192, 1);

/** The median time one 8 KiB write with fsync takes in that folder, in ms: no durable accept can be quicker. */
export async function fsyncMs(folder: string): Promise<number> {
  const file = await open(join(folder, 'fsync-probe'), 'w');
  const times: number[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const startedAt = performance.now();
    await file.write(BLOCK, 0, BLOCK.length, attempt * BLOCK.length);
    await file.datasync();
    times.push(performance.now() - startedAt);
  }
  await file.close();
  return median(times);
}
