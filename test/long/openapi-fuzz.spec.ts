import { afterAll, beforeAll, expect, it } from 'vitest';
import { FuzzScene } from '../support/fuzz-scene.js';

/** About a millisecond each. */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 100_000);

let scene: FuzzScene;
beforeAll(async () => {
  scene = await FuzzScene.open();
});
afterAll(() => scene.close());

it(`answers ${INPUTS} requests made from the document as the document says, and none with a failure`, async () => {
  await scene.run(INPUTS);
  expect(scene.neverSucceeded()).toEqual([]);
});
