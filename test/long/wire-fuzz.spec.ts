import { afterAll, beforeAll, expect, it } from 'vitest';
import { MET_ALWAYS, WireFuzz } from '../support/wire-fuzz.js';

/** Over both entrances together; about a millisecond each. */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 110_000);

let fuzz: WireFuzz;
beforeAll(async () => {
  fuzz = await WireFuzz.open();
});
afterAll(() => fuzz.close());

it(`takes ${INPUTS} pieces of bytes over HTTP and NATS, answers each as documented, and stores what it accepts alone`, async () => {
  await fuzz.runHttp(INPUTS / 2);
  await fuzz.runNats(INPUTS / 2);
  const counts = [...fuzz.met].map(([word, count]) => `${word}: ${count}`).sort();
  process.stdout.write(`${counts.join('\n')}\n`);
  expect([...fuzz.met.keys()]).toEqual(expect.arrayContaining([...MET_ALWAYS]));
  expect(await fuzz.account()).toBeUndefined();
  expect(await fuzz.isReady()).toBe(true);
});
