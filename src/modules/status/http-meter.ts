import { Inject, Injectable, type HttpServer } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { monotonicMs } from '../../kernel/clock.js';
import { Metrics, type Counter, type Distribution } from '../../kernel/metrics.js';

/** The longest are requests that wait for a job's end. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** What stands for a path that no route has, and for methods nobody uses: callers choose both. */
const OTHER = 'other';
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** What an Express request knows of its route once it is answered. */
interface RoutedRequest extends IncomingMessage {
  readonly route?: { readonly path?: unknown };
}

/** Counts and measures every request of the HTTP server by route template, on either platform; what callers choose is never a label. */
@Injectable()
export class HttpMeter {
  private readonly requests: Counter;
  private readonly times: Distribution;

  constructor(@Inject(Metrics) metrics: Metrics) {
    this.requests = metrics.counter(
      'rookery_http_requests_total',
      'HTTP requests answered, by route template and class of the status',
      'method',
      'route',
      'status',
    );
    this.times = metrics.distribution(
      'rookery_http_request_seconds',
      'From a request to the end of its answer; routes that wait for a job take as long as they wait',
      SECONDS,
      'method',
      'route',
    );
  }

  /** Begins to count; to be called before routes are added. */
  watch(adapter: HttpServer): void {
    if (adapter.getType() === 'fastify') this.watchFastify(adapter as unknown as FastifyAdapter);
    else this.watchExpress(adapter);
  }

  private watchFastify(adapter: FastifyAdapter): void {
    adapter.getInstance().addHook('onResponse', (request, reply, done) => {
      const route = request.is404 ? undefined : request.routeOptions.url;
      this.count(request.method, route, reply.statusCode, reply.elapsedTime);
      done();
    });
  }

  private watchExpress(adapter: HttpServer): void {
    adapter.use((request: RoutedRequest, response: ServerResponse, next: () => void) => {
      const startedAt = monotonicMs();
      response.once('finish', () => {
        const path = request.route?.path;
        const route = typeof path === 'string' ? path : undefined;
        this.count(request.method ?? OTHER, route, response.statusCode, monotonicMs() - startedAt);
      });
      next();
    });
  }

  private count(givenMethod: string, route: string | undefined, status: number, tookMs: number): void {
    const method = METHODS.has(givenMethod) ? givenMethod : OTHER;
    const template = route ?? OTHER;
    this.requests.of(method, template, `${Math.floor(status / 100)}xx`).value++;
    this.times.of(method, template).observe(tookMs / 1000);
  }
}
