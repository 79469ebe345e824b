import type { Round } from './comparisons/comparison.js';
import type { OnceEach } from './once-each.js';
import type { Submitter } from './peer.js';
import { startWorkerProcesses } from './worker-process.js';

/** A submitter with one worker running: in this process where the peer is made for that, else in one of its own. */
export async function submitWhileOneWorks(
  { key, peer, place, concurrency }: Round,
  starts: OnceEach,
): Promise<Submitter> {
  if (peer.readyBoth) {
    const application = await peer.readyBoth(place, { concurrency, onStart: (n) => starts.started(n) });
    await application.begin();
    return application;
  }
  const worker = await startWorkerProcesses(1, { peer: key, place, concurrency }, starts);
  await worker.begin();
  const submitter = await peer.submit(place);
  return {
    enqueue: (n) => submitter.enqueue(n),
    enqueueMany: (numbers) => submitter.enqueueMany(numbers),
    async stop() {
      await submitter.stop();
      await worker.stop();
    },
  };
}
