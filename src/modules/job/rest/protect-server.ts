import { isIP } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isLoopback, type RookeryConfig } from '../../../config/index.js';
import { RookeryError } from '../../../kernel/errors.js';
import { secureHeaders } from '../../access/index.js';
import { PROBLEM_JSON, loggedProblem } from './problem.filter.js';

/**
 * Has every answer of a server of our own carry the headers that browsers heed; and where it asks nobody who they are, because only this
 * machine reaches it, refuse requests to any other name than this machine's. To be called before it listens.
 */
export function protectServer(app: NestFastifyApplication, { http, api }: RookeryConfig): void {
  const isPrivate = api.tokens.length === 0 && !http.insecure && isLoopback(http.host);
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    for (const [name, value] of secureHeaders) void reply.header(name, value);
    if (!isPrivate || isOwnName(request.headers.host)) return done();
    const problem = loggedProblem(foreignName(request.headers.host));
    void reply.status(problem.status).header('Content-Type', PROBLEM_JSON).send(problem);
  });
}

/**
 * A name of another site may be made to lead to this machine, and then its pages are, to a browser, pages from here. An address cannot
 * be made to: it leads where it says.
 */
function isOwnName(host: string | undefined): boolean {
  if (host === undefined || host === '') return true;
  const name = host.replace(/:\d*$/, '');
  return isLoopback(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function foreignName(host: string | undefined): RookeryError {
  return new RookeryError(
    'forbidden',
    `${JSON.stringify(host)} is not this machine; call it localhost or 127.0.0.1, or set ROOKERY_API_TOKENS where a proxy stands before it`,
  );
}
