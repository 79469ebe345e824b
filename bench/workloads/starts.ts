import { starts } from '../application.js';
import { OnceEach } from '../once-each.js';

/** Watches the starts of `count` jobs in this process; `onStart` hears of each. */
export function watchStarts(count: number, onStart: (n: number) => void = () => undefined): OnceEach {
  const once = new OnceEach(count);
  starts.onStart = (n) => {
    once.started(n);
    onStart(n);
  };
  return once;
}
