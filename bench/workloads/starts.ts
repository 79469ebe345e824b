import { starts } from '../application.js';

/** Resolves when `count` different jobs have started; rejects at the first that starts twice. */
export function allStarted(count: number, onStart: (n: number) => void = () => undefined): Promise<void> {
  const seen = new Uint8Array(count);
  let left = count;
  return new Promise((resolve, reject) => {
    starts.onStart = (n) => {
      if (seen[n]) reject(new Error(`job ${n} ran twice`));
      seen[n] = 1;
      onStart(n);
      if (--left === 0) resolve();
    };
  });
}
