import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { HttpException } from '@nestjs/common';
import { secureHeaders } from '../../access/index.js';
import { loggedProblem, PROBLEM_JSON } from './problem.filter.js';

/** What Node's HTTP parser may refuse, by its code: the status, and what is wrong; anything else is no HTTP. */
const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'the headers are larger than 16 KiB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of a chunk are too large'],
};

/**
 * Answers what Node refuses before there is a request (bytes that are no HTTP, headers that are too large) as application/problem+json, and
 * ends the connection. For the `clientErrorHandler` of a `FastifyAdapter`.
 */
export function answerClientError(error: Error, socket: Socket): void {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ECONNRESET' || socket.destroyed) return;
  const [status, detail] = REFUSALS[code] ?? [400, 'the request is not HTTP/1.1'];
  const problem = loggedProblem(new HttpException(detail, status));
  const body = JSON.stringify(problem);
  const headers = [
    ...secureHeaders,
    ['Content-Type', PROBLEM_JSON],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Connection', 'close'],
  ].map(([name, value]) => `${name}: ${value}\r\n`);
  const line = `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`;
  if (socket.writable) socket.write(`${line}\r\n${headers.join('')}\r\n${body}`);
  socket.destroy(error);
}
