import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EventStream, MOST_UNREAD_BYTES } from '../../src/modules/status/events/event-stream.js';
import { eventually } from '../support/eventually.js';

let server: Server;
let socket: Socket;
let response: ServerResponse;

beforeEach(async () => {
  server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const [, answer] = (await once(server, 'request')) as [unknown, ServerResponse];
  response = answer;
});
afterEach(async () => {
  socket.destroy();
  server.close();
  await once(server, 'close');
});

/** Far more than the kernel keeps between two sockets of this machine. */
const PUSHES = 2_000;
const EVENT = `data: ${'x'.repeat(16_384)}\n\n`;

function open(opening = ''): { stream: EventStream; tooSlow: () => number } {
  let count = 0;
  const stream = new EventStream(response, () => count++);
  stream.open(opening);
  return { stream, tooSlow: () => count };
}

it('cuts off who does not read, once, and keeps no more for them', async () => {
  const { stream, tooSlow } = open();
  socket.pause();
  const isClosed = once(response, 'close');
  for (let pushed = 0; pushed < PUSHES; pushed++) stream.push(EVENT);
  await isClosed;
  expect([tooSlow(), response.destroyed]).toEqual([1, true]);
});

it('begins with more than it keeps later, and cuts off who does not read what comes then', async () => {
  const { stream, tooSlow } = open(EVENT.repeat(100));
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  stream.push(EVENT);
  await eventually(() => bytes >= 101 * EVENT.length);
  expect([tooSlow(), response.destroyed]).toEqual([0, false]);
  socket.pause();
  const isClosed = once(response, 'close');
  for (let pushed = 0; pushed < PUSHES; pushed++) stream.push(EVENT);
  await isClosed;
  expect(tooSlow()).toBe(1);
});

it('sends all of it to who reads', async () => {
  const { stream, tooSlow } = open();
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
  });
  for (let pushed = 0; pushed < PUSHES; pushed++) {
    stream.push(EVENT);
    if (response.writableLength > MOST_UNREAD_BYTES / 2) await once(response, 'drain');
  }
  await eventually(() => bytes >= PUSHES * EVENT.length);
  expect([tooSlow(), response.destroyed]).toEqual([0, false]);
  stream.end();
});
