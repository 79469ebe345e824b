import { afterAll, beforeAll, expect, it } from 'vitest';
import { FuzzScene } from '../support/fuzz-scene.js';
import { failOnLeaks } from '../support/leaks.js';

/** Enough to meet every route with each kind of mistake within seconds; test/long sends a hundred thousand. */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 615);
/** The same inputs in every run, so that a red run can be repeated; test/long takes new ones. */
const SEED = 7;

// Connections of the pools are opened by the first request that needs them, and close when idle.
failOnLeaks({ ignore: ['TCPSocketWrap', 'Timeout'] });

let scene: FuzzScene;
beforeAll(async () => {
  scene = await FuzzScene.open();
});
afterAll(() => scene.close());

it('answers whatever is sent to any route as the document says, and never with a failure of its own', async () => {
  await scene.run(INPUTS, SEED);
  // A run that only ever meets refusals would prove little.
  expect(scene.neverSucceeded()).toEqual([]);
});

it('complains of an answer that is not as described', () => {
  const { check } = scene;
  const operation = check.operations.find(({ method, path }) => method === 'GET' && path === '/job/{id}');
  if (!operation) throw new Error('the document has no GET /job/{id}');
  const json = 'application/json';
  const problem = (code: string) => ({
    status: 404,
    contentType: 'application/problem+json',
    text: JSON.stringify({ type: 'x', title: 'x', status: 404, detail: 'x', code }),
  });
  expect(check.complaint(operation, { status: 418, contentType: json, text: '{}' })).toMatch('not described');
  expect(check.complaint(operation, { status: 200, contentType: json, text: '{}' })).toMatch('must have');
  expect(check.complaint(operation, { status: 200, contentType: 'text/html', text: '' })).toMatch(
    'text/html',
  );
  expect(check.complaint(operation, problem('no_such_queue'))).toMatch('allowed values');
  expect(check.complaint(operation, problem('no_such_job'))).toBeUndefined();
});
