import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { useRookeryScene } from '../support/rookery-scene.js';

const scene = useRookeryScene({ fixtures: { workload: 'dist/jobs' } });
const env = { OUTBOX: '/dev/null' };

/** What became of one request: its status; the error of a connection that was cut off; undefined when no connection came about. */
type Outcome = number | string | undefined;

/** One POST on a connection of its own. Nothing is sent before there is a connection, so that without one it may be repeated elsewhere. */
function post(url: string): Promise<Outcome> {
  return new Promise((resolve) => {
    let isConnected = false;
    const sent = request(`${url}/job`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    });
    sent.on('socket', (socket) => socket.once('connect', () => (isConnected = true)));
    sent.on('response', (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode));
    });
    sent.on('error', (error) => resolve(isConnected ? error.message : undefined));
    sent.end(JSON.stringify({ name: 'work', payload: { ms: 0 } }));
  });
}

/** The status line and headers of what the server sends until it closes the connection. */
async function answerOn(socket: ReturnType<typeof connect>): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return text;
}

describe('an HTTP server that is told to stop', () => {
  it('answers every request that it took: the next ones find nobody, and none is cut off', async () => {
    const started = scene.start([], env);
    const url = await started.ready();
    const outcomes: Outcome[] = [];
    const clients = Array.from({ length: 30 }, async () => {
      for (;;) {
        const outcome = await post(url);
        if (outcome === undefined) return;
        outcomes.push(outcome);
      }
    });
    await eventually(() => outcomes.length > 200, { withinMs: 60_000 });
    expect(await started.stop()).toMatchObject({ code: 0 });
    await Promise.all(clients);
    expect(outcomes.filter((outcome) => outcome !== 201)).toEqual([]);
  });

  it('answers on a connection whose request comes only after the listener has closed, and says that it is the last', async () => {
    const started = scene.start([], env);
    const { hostname, port } = new URL(await started.ready());
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const answer = answerOn(socket);
    started.signal('SIGTERM');
    await started.line(/stopping: SIGTERM/);
    socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect((await answer).toLowerCase()).toMatch(/^http\/1\.1 200 [^]*\r\nconnection: close\r\n/);
    expect(await started.ended).toMatchObject({ code: 0 });
  });
});
