import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { RookeryError } from '../../../kernel/errors.js';
import { BODY_RULE, type BodyRule } from './body-limit.decorator.js';
import { NDJSON } from './json-only.js';
import { PROBLEM_JSON, loggedProblem } from './problem.filter.js';

type FastifyInstance = Awaited<ReturnType<NestFastifyApplication['register']>>;

/**
 * Makes a Fastify instance take bodies as our routes want them: each route's own limit, lines of JSON as a stream, and a problem for a
 * body that cannot be taken, which Fastify finds before Nest is asked. The application's own routes stay as they are. To be called before routes are added.
 */
export function takeBodies(fastify: FastifyInstance): void {
  fastify.addHook('onRoute', (route) => {
    const rule = ruleOf(route.config);
    if (!rule) return;
    route.bodyLimit = rule.bodyLimit;
    route.errorHandler = (error, _request, reply) => {
      const problem = loggedProblem(tooLarge(error, rule));
      void reply.status(problem.status).header('Content-Type', PROBLEM_JSON).send(problem);
    };
  });
  if (fastify.hasContentTypeParser(NDJSON)) return;
  fastify.addContentTypeParser(NDJSON, (request, body, done) => {
    if (ruleOf(request.routeOptions.config)?.takesLines === true) done(null, body);
    // As the application itself would refuse it: the route may be one of its own.
    else done(new UnsupportedMediaTypeException(`this route takes no ${NDJSON}; send application/json`));
  });
}

function ruleOf(config: unknown): BodyRule | undefined {
  return (config as { readonly [BODY_RULE]?: BodyRule } | undefined)?.[BODY_RULE];
}

function tooLarge(error: unknown, { bodyLimit }: BodyRule): unknown {
  const { code } = error as { code?: unknown };
  if (code !== 'FST_ERR_CTP_BODY_TOO_LARGE') return error;
  return new RookeryError(
    'payload_too_large',
    `the body has more than the ${bodyLimit} bytes this route takes`,
    { maxBytes: bodyLimit },
  );
}
