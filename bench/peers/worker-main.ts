import 'reflect-metadata';
import { peerNamed } from './peers.js';
import type { Started, WorkerOrder } from './worker-process.js';

/** Seldom enough to cost nothing, often enough to see the end. */
const TELL_EVERY_MS = 25;

/** A worker process: its order is its argument; it tells what it started and runs until SIGTERM. */
const { peer, place, concurrency } = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder;
let numbers: number[] = [];
let firstAt = 0;

const worker = await peerNamed(peer).work(place, {
  concurrency,
  onStart: (n) => {
    if (numbers.length === 0) firstAt = performance.timeOrigin + performance.now();
    numbers.push(n);
  },
});

function tell(): void {
  if (numbers.length === 0) return;
  process.send?.({ numbers, firstAt } satisfies Started);
  numbers = [];
}

setInterval(tell, TELL_EVERY_MS);
process.once('SIGTERM', () => {
  void worker.stop().then(() => {
    tell();
    process.exit(0);
  });
});
process.send?.('ready');
