import type { HttpServer } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { Metrics } from '../../kernel/metrics.js';
import { HttpMeter } from './http-meter.js';

type Middleware = (request: unknown, response: unknown, next: () => void) => void;

/** Answers a request as Express does: the route is known only once it has been found. */
function answer(metrics: Metrics, method: string, path: unknown, statusCode: number): void {
  let middleware: Middleware | undefined;
  const adapter = { getType: () => 'express', use: (given: Middleware) => (middleware = given) };
  new HttpMeter(metrics).watch(adapter as unknown as HttpServer);
  const request: { method: string; route?: { path: unknown } } = { method };
  const response = Object.assign(new EventEmitter(), { statusCode });
  middleware?.(request, response, () => {
    if (path !== undefined) request.route = { path };
  });
  response.emit('finish');
}

it('counts what Express answers by route template, whatever callers make up', () => {
  const metrics = new Metrics();
  answer(metrics, 'GET', '/job/:id', 200);
  answer(metrics, 'GET', undefined, 404);
  answer(metrics, 'BREW', '/job/:id', 405);
  const counts = metrics.counter('rookery_http_requests_total', '').read();
  expect(counts.map(({ labels, value }) => ({ ...labels, value }))).toEqual([
    { method: 'GET', route: '/job/:id', status: '2xx', value: 1 },
    { method: 'GET', route: 'other', status: '4xx', value: 1 },
    { method: 'other', route: '/job/:id', status: '4xx', value: 1 },
  ]);
});
