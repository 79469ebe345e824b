import 'reflect-metadata';
import { peerNamed } from './peers.js';
import type { Started, WorkerOrder } from './worker-process.js';

/** Seldom enough to cost nothing, often enough to see the end. */
const TELL_EVERY_MS = 25;

/** A worker process: its order is its argument; it begins when it is told to, tells what it started and runs until SIGTERM. */
const { peer, place, concurrency } = JSON.parse(process.argv[2] ?? '{}') as WorkerOrder;
let numbers: number[] = [];

const worker = await peerNamed(peer).readyWorker(place, { concurrency, onStart: (n) => numbers.push(n) });

function tell(): void {
  if (numbers.length === 0) return;
  process.send?.(numbers satisfies Started);
  numbers = [];
}

setInterval(tell, TELL_EVERY_MS);
process.once('SIGTERM', () => {
  void worker.stop().then(() => {
    tell();
    process.exit(0);
  });
});
// A comparison that failed leaves nobody to tell.
process.once('disconnect', () => process.exit(1));
process.once('message', () => void worker.begin());
process.send?.('ready');
