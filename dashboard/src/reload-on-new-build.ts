import { now } from './text/now.js';

/** Where a tab keeps when it was last reloaded so, through the reload. */
const RELOADED_AT = 'rookery:reloaded-at';

/** What a reload does not help is not tried again before some time has passed, in ms: it must not become a loop. */
const FEWEST_MS = 60_000;

/**
 * Reloads the page when a part of it is not to be had: after a deployment the server has that part under another name. Does so once, and only while
 * the server answers, as a page that fails in part is better than the browser's own.
 */
export function reloadOnNewBuild(): void {
  window.addEventListener('vite:preloadError', () => void reload());
}

async function reload(): Promise<void> {
  if (now() - Number(sessionStorage.getItem(RELOADED_AT)) < FEWEST_MS) return;
  const isServed = await fetch(location.href).then(
    ({ ok }) => ok,
    () => false,
  );
  if (!isServed) return;
  sessionStorage.setItem(RELOADED_AT, String(now()));
  location.reload();
}
