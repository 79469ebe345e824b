import type { Round } from './comparisons/comparison.js';
import type { OnceEach } from '../once-each.js';
import { joined, type Submitter } from './peer.js';
import { startWorkerProcesses } from './worker-process.js';

/** A submitter with one worker running: in this process where the peer is made for both at once, else in one of its own. */
export async function submitWhileOneWorks(
  { key, peer, place, concurrency }: Round,
  starts: OnceEach,
): Promise<Submitter> {
  if (peer.readyBoth && peer.isOneProcess) {
    const application = await peer.readyBoth(place, { concurrency, onStart: (n) => starts.started(n) });
    await application.begin();
    return application;
  }
  const worker = await startWorkerProcesses(1, { peer: key, place, concurrency }, starts);
  await worker.begin();
  return joined(await peer.submit(place), worker);
}
