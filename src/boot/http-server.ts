import { Server as Listener } from 'node:net';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { monotonicMs } from '../kernel/clock.js';
import type { Lifecycle } from '../kernel/lifecycle.js';

type Server = ReturnType<NestFastifyApplication['getHttpServer']>;

/** Turns of the event loop without a new connection after which none is waiting; it takes one a turn, and the first may be half over. */
const QUIET_TURNS = 5;

/** How long such a moment is waited for. */
const QUIET_WITHIN_MS = 1_000;

/** A connection that was taken just before the listener closed has this long to send its request. */
const ARRIVAL_MS = 100;

/** How long requests may take to be answered before what they need is closed. Those that wait for jobs were answered before. */
const ANSWERS_WITHIN_MS = 5_000;

const BUDGET_MS = QUIET_WITHIN_MS + ARRIVAL_MS + ANSWERS_WITHIN_MS + 1_000;

/**
 * Has the server end so that no request which was sent goes unanswered; to be called before it listens. From the first moment of the
 * stop each answer asks its client to connect anew, by `Connection: close`. Once readiness has been false for the shutdown delay nothing
 * listens any more, so that another process may take the port, and what had come until then is answered while all that it needs is
 * still open.
 */
export function endGracefully(app: NestFastifyApplication, lifecycle: Lifecycle): void {
  let unanswered = 0;
  let allAnswered = (): void => undefined;
  let listenerClosing: Promise<void> | undefined;
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (_request, reply, done) => {
      if (lifecycle.isStopping) void reply.header('connection', 'close');
      unanswered++;
      reply.raw.once('close', () => {
        unanswered--;
        if (unanswered === 0) allAnswered();
      });
      // Held meanwhile: clients who are answered and come back at once would keep the queue of connections full.
      if (listenerClosing) void listenerClosing.then(() => done());
      else done();
    });
  lifecycle.register('intake', 'http server', BUDGET_MS, async () => {
    const server = app.getHttpServer();
    listenerClosing = closeListener(server);
    await listenerClosing;
    await delay(ARRIVAL_MS);
    server.closeIdleConnections();
    if (unanswered === 0) return;
    const answered = new Promise<void>((resolve) => (allAnswered = resolve));
    await Promise.race([answered, delay(ANSWERS_WITHIN_MS, undefined, { ref: false })]);
  });
}

/** Closes the listener when no connection waits to be taken: the system resets those that do. */
async function closeListener(server: Server): Promise<void> {
  let quietTurns = 0;
  const knocked = (): void => void (quietTurns = 0);
  server.on('connection', knocked);
  const untilMs = monotonicMs() + QUIET_WITHIN_MS;
  while (quietTurns < QUIET_TURNS && monotonicMs() < untilMs) {
    quietTurns++;
    await nextTurn();
  }
  server.off('connection', knocked);
  // Not by the server's own close: it drops each connection whose request has not arrived yet.
  Listener.prototype.close.call(server);
}
