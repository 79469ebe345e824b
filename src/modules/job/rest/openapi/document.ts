import type { Type } from '@nestjs/common';
import { RookeryError, type ErrorCode } from '../../../../kernel/errors.js';
import { SESSION_COOKIE } from '../../../access/index.js';
import { NDJSON } from '../json-only.js';
import { problemKinds } from '../problem.js';
import { PROBLEM_JSON } from '../problem.filter.js';
import { tags, type AnswerDescription, type RouteDescription } from './described.decorator.js';
import { JsonSchemas, type JsonSchema } from './json-schemas.js';
import { parametersOf } from './parameters.js';
import { problemSchema } from './problem-schema.js';
import { restRoutes, type RestRoute } from './rest-routes.js';
import { errorsOf } from './route-errors.js';

/** The part of an OpenAPI document that we write. */
export interface OpenApiDocument {
  readonly openapi: '3.1.1';
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> } & JsonSchema;
  readonly [member: string]: unknown;
}

export interface DocumentOptions {
  readonly version: string;
  /** Where the API lies below its host, as `/jobs`; nothing for the root. */
  readonly prefix?: string;
}

const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'One of the settings’ `api.tokens`; `x-role` of a route says which role it needs',
  },
  session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE, description: 'What `POST /session` sets' },
};

const ABOUT = `Enqueue jobs, look at them, steer them.

JSON in, JSON out; times are ISO 8601, durations are milliseconds or a number and a unit such as \`"30s"\`. Unknown fields are refused by
name. Every error is \`application/problem+json\` (RFC 9457) with a stable \`code\`; a path that is not listed answers 404 \`not_found\`.`;

/** A description of everything the controllers answer, as OpenAPI 3.1. Throws `internal_error` for a route without a description. */
export function openApiDocument(
  controllers: readonly Type[],
  { version, prefix = '' }: DocumentOptions,
): OpenApiDocument {
  const schemas = new JsonSchemas();
  const problem = schemas.ofOutput(problemSchema);
  const paths: Record<string, Record<string, JsonSchema>> = {};
  const routes = [...restRoutes(controllers)].sort(byPlace);
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route, schemas, problem);
  }
  const used = new Set(routes.map((route) => route.description?.tag));
  return {
    openapi: '3.1.1',
    info: { title: 'Rookery', version, description: ABOUT, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    tags: Object.entries(tags)
      .filter(([name]) => used.has(name as keyof typeof tags))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: schemas.components, securitySchemes },
    security: [{ token: [] }, { session: [] }],
  };
}

/** By tag as people read them, then by path; so the document does not depend on the order modules are found in. */
function byPlace(a: RestRoute, b: RestRoute): number {
  const placeOf = ({ path, method }: RestRoute): string => `${path} ${method}`;
  return placeOf(a) < placeOf(b) ? -1 : 1;
}

function operationOf(route: RestRoute, schemas: JsonSchemas, problem: JsonSchema): JsonSchema {
  const { description, need } = route;
  if (!description) {
    throw new RookeryError(
      'internal_error',
      `${route.name} (${route.method} ${route.path}) has no description; add @Describes above it`,
    );
  }
  const parameters = parametersOf(route, description, schemas);
  const body = requestBodyOf(route, description, schemas);
  return {
    tags: [description.tag],
    summary: description.summary,
    ...(description.about !== undefined && { description: description.about }),
    operationId: route.name.replace(/Controller\./, '.'),
    ...(need !== undefined && { 'x-role': need }),
    ...(need === 'nothing' && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: body }),
    responses: responsesOf(route, description, schemas, problem),
  };
}

function requestBodyOf(
  { body }: RestRoute,
  { bodies, bodyExample }: RouteDescription,
  schemas: JsonSchemas,
): JsonSchema | undefined {
  const described = bodies ?? (body && { 'application/json': { schema: body, example: bodyExample } });
  if (!described) return undefined;
  const content = Object.entries(described).map(([mediaType, { schema, example }]) => [
    mediaType,
    {
      // A schema holds for one line, and no tool splits lines.
      schema: mediaType === NDJSON ? { type: 'string' } : schemas.ofInput(schema),
      ...(example !== undefined && { example }),
    },
  ]);
  return { required: true, content: Object.fromEntries(content) as JsonSchema };
}

function responsesOf(
  route: RestRoute,
  { answers }: RouteDescription,
  schemas: JsonSchemas,
  problem: JsonSchema,
): JsonSchema {
  const responses: Record<string, JsonSchema> = {};
  for (const [status, answer] of Object.entries(answers)) responses[status] = answerOf(answer, schemas);
  for (const [status, codes] of byStatus(errorsOf(route))) {
    const told = problemAnswer(codes, problem);
    const answer = responses[status];
    responses[status] = answer ? alsoTelling(answer, told) : told;
  }
  return responses;
}

function answerOf(
  { about, schema, example, mediaType, headers }: AnswerDescription,
  schemas: JsonSchemas,
): JsonSchema {
  const json = schema && {
    'application/json': { schema: schemas.ofOutput(schema), ...(example !== undefined && { example }) },
  };
  const other = mediaType !== undefined && { [mediaType]: { schema: { type: 'string' } } };
  return {
    description: about,
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, description]) => [
          name,
          { description, schema: { type: 'string' } },
        ]),
      ),
    }),
    ...((json || other) && { content: { ...json, ...other } }),
  };
}

function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const statuses = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = problemKinds[code];
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return statuses;
}

function problemAnswer(codes: readonly ErrorCode[], problem: JsonSchema): JsonSchema {
  const titles = codes.map((code) => `\`${code}\`: ${problemKinds[code].title}`);
  const mayRetry = codes.some((code) => problemKinds[code].retryAfter !== undefined);
  return {
    description: titles.join('; '),
    ...(mayRetry && {
      headers: { 'Retry-After': { description: 'In seconds', schema: { type: 'string' } } },
    }),
    content: {
      [PROBLEM_JSON]: { schema: { allOf: [problem, { properties: { code: { enum: codes } } }] } },
    },
  };
}

/** One status may tell of an answer and of errors: a health route's 503, and that of a process which stops. */
function alsoTelling(answer: JsonSchema, problem: JsonSchema): JsonSchema {
  return {
    ...problem,
    ...answer,
    description: `${String(answer['description'])}. ${String(problem['description'])}`,
    content: { ...(answer['content'] as JsonSchema), ...(problem['content'] as JsonSchema) },
  };
}
