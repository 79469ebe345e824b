const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What quits on a terminal whose keys come one by one: q, Ctrl-C, Ctrl-D. */
const KEYS = new Set(['q', 'Q', '\u0003', '\u0004']);

/** A standard input that may be a terminal. */
interface Keyboard extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(isRaw: boolean): unknown;
}

/** Calls back when the user wants to leave, by a key or by a signal; what it answers gives keys and signals back. */
export function onQuit(stdin: Keyboard, quit: () => void): () => void {
  const onKeys = (keys: Buffer | string): void => {
    if ([...keys.toString()].some((key) => KEYS.has(key))) quit();
  };
  for (const signal of SIGNALS) process.on(signal, quit);
  const hasKeys = stdin.isTTY === true;
  if (hasKeys) {
    stdin.setRawMode?.(true);
    stdin.on('data', onKeys);
    stdin.resume();
  }
  return () => {
    for (const signal of SIGNALS) process.off(signal, quit);
    if (!hasKeys) return;
    stdin.off('data', onKeys);
    stdin.pause();
    stdin.setRawMode?.(false);
  };
}
