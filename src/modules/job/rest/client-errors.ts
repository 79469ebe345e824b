import { STATUS_CODES, type ServerResponse } from 'node:http';
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

/** How long answers under way may hold up the refusal of what came behind them: longer than the longest wait for a job, which is 60 s. */
const ANSWERS_WITHIN_MS = 65_000;

const refused = new WeakSet<Socket>();

/**
 * Answers what Node refuses before there is a request (bytes that are no HTTP, headers that are too large) as application/problem+json, and
 * ends the connection; whole requests that came before are answered first, within 65 s. For the `clientErrorHandler` of a
 * `FastifyAdapter`.
 */
export function answerClientError(error: Error, socket: Socket): void {
  const { code = '' } = error as NodeJS.ErrnoException;
  // Node tells again of every piece that comes after the first it cannot read.
  if (code === 'ECONNRESET' || socket.destroyed || refused.has(socket)) return;
  refused.add(socket);
  const timer = setTimeout(() => socket.destroy(), ANSWERS_WITHIN_MS).unref();
  socket.once('close', () => clearTimeout(timer));
  afterAnswers(socket, code);
}

function afterAnswers(socket: Socket, code: string): void {
  const response = underWay(socket);
  if (response?.req.complete === true) {
    response.once('close', () => afterAnswers(socket, code));
    return;
  }
  if (socket.writable && response?.headersSent !== true) socket.write(refusal(code));
  socket.destroySoon();
}

/** The answer whose turn it is on that connection; Node keeps it there, and its own default handler reads it too. */
function underWay(socket: Socket): ServerResponse | undefined {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

function refusal(code: string): string {
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
  return `${line}\r\n${headers.join('')}\r\n${body}`;
}
