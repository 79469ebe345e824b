import { secureHeaders } from '../../access/index.js';
import { loggedProblem, PROBLEM_JSON } from './problem.filter.js';

/** What is used of Fastify's reply. */
interface FrameworkReply {
  code(status: number): FrameworkReply;
  header(name: string, value: string): FrameworkReply;
  send(payload: unknown): unknown;
}

/**
 * Answers what Fastify refuses before any route is found (a malformed or over-long URL) as application/problem+json. For the
 * `frameworkErrors` of a `FastifyAdapter`; no filter hears of such a request.
 */
export function answerFrameworkError(error: Error, _request: unknown, reply: unknown): void {
  const problem = loggedProblem(error);
  // Fastify types a reply by its route, and here there is none.
  const answer = (reply as FrameworkReply).code(problem.status).header('Content-Type', PROBLEM_JSON);
  for (const [name, value] of secureHeaders) answer.header(name, value);
  answer.send(problem);
}
