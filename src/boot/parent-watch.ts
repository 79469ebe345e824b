import { isAlive, readAncestors } from './ancestors.js';
import { launchersOf, type Ancestor } from './launchers.js';

/** Soon enough that whoever ended npm finds nothing left a moment later; a poll costs a few small reads of /proc. */
const POLL_MS = 500;

/**
 * Calls back once, when npm, the Nest CLI or a shell between them and this process is gone: nobody is left to pass a
 * signal on. Does nothing for a process that was started in any other way, so what a prompt started outlives it.
 * Keeps no process alive. The function returned ends the watch.
 *
 * @param ancestors as they were when the process began, so that one that died since is noticed
 */
export function watchParents(
  onGone: () => void,
  ancestors: readonly Ancestor[] = readAncestors(),
): () => void {
  const launchers = launchersOf(ancestors);
  const parent = launchers[0]?.pid;
  if (parent === undefined) return () => undefined;
  const timer = setInterval(() => {
    if (process.ppid === parent && launchers.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
