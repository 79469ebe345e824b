import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failOnLeaks } from '../support/leaks.js';
import {
  MET_ALWAYS,
  WireFuzz,
  accountComplaint,
  answersIn,
  httpComplaint,
  replyComplaint,
  silenceComplaint,
} from '../support/wire-fuzz.js';

/** Over each entrance; test/long sends fifty thousand. */
const INPUTS = 800;
/** The same inputs in every run, so that a red run can be repeated; test/long takes new ones. */
const SEED = 7;

// Connections of the pools are opened by the first request that needs them, and close when idle.
failOnLeaks({ ignore: ['TCPSocketWrap', 'Timeout'] });

let fuzz: WireFuzz;
beforeAll(async () => {
  fuzz = await WireFuzz.open();
});
afterAll(() => fuzz.close());

describe('whatever bytes come over HTTP and NATS', () => {
  it('are answered or refused as documented, what is accepted is stored, and nothing else', async () => {
    await fuzz.runHttp(INPUTS, SEED);
    await fuzz.runNats(INPUTS, SEED);
    expect(await fuzz.account()).toBeUndefined();
    expect(await fuzz.isReady()).toBe(true);
    expect([...fuzz.met.keys()]).toEqual(expect.arrayContaining([...MET_ALWAYS]));
  });

  it('are complained of when a job is stored that nobody was told of', async () => {
    expect(await fuzz.account()).toBeUndefined();
    await fuzz.rest.paint();
    expect(await fuzz.account()).toMatch('that nobody was told of');
  });

  it.each(['close', 'keep-alive'])(
    'leave the answer to a whole request that came before them, connection: %s',
    async (connection) => {
      const body = '{"name":"paint","payload":1}';
      const head = `POST /job HTTP/1.1\r\nhost: x\r\nconnection: ${connection}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
      const bytes = Buffer.from(`${head}\r\n\r\n${body}}`);
      const answers = answersIn(await fuzz.exchange(bytes), bytes);
      const statuses = answers.map(({ status }) => status);
      expect(statuses).toEqual(connection === 'close' ? [201] : [201, 400]);
    },
  );
});

it('complains of silence, of failures, of errors in another shape, and of jobs that are missing', () => {
  const problem = { type: 'x', title: 'x', status: 400, detail: 'x', code: 'x' };
  const type = 'application/problem+json';
  expect(silenceComplaint({ isWhole: true }, [])).toMatch('there was no answer');
  expect(silenceComplaint({ isWhole: false }, [])).toBeUndefined();
  expect(silenceComplaint({ isWhole: true }, [{ status: 400, type, body: '{}' }])).toBeUndefined();
  expect(httpComplaint({ status: 500, type, body: '{}' })).toMatch('500');
  expect(httpComplaint({ status: 400, type: 'application/json', body: '{}' })).toMatch('application/json');
  expect(httpComplaint({ status: 400, type, body: '{"code":"x"}' })).toMatch('no whole problem');
  expect(httpComplaint({ status: 400, type, body: JSON.stringify(problem) })).toBeUndefined();
  expect(replyComplaint('{"error":{"code":"internal_error","message":"x"}}')).toMatch('internal_error');
  expect(replyComplaint('{"error":{"code":"x"}}')).toMatch('no whole error');
  expect(replyComplaint('{"error":{"code":"x","message":"x"}}')).toBeUndefined();
  expect(accountComplaint(new Set(['a', 'b']), 0, ['a'])).toMatch('accepted and not stored: b');
  expect(accountComplaint(new Set(['a']), 1, ['a', 'b'])).toBeUndefined();
});
