import { z } from 'zod';
import { RookeryError } from '../../../../kernel/errors.js';
import type { RouteDescription } from './described.decorator.js';
import type { JsonSchema, JsonSchemas } from './json-schemas.js';
import type { RestRoute } from './rest-routes.js';

/** Path parameters by the name they have in routes. A route that means something else by it says so in `params`. */
const usualParams: Readonly<Record<string, z.ZodType>> = {
  id: z.string().meta({
    format: 'uuid',
    description: 'The id of a job',
    examples: ['01a2032b-446a-7000-a9ed-1f3052fea691'],
  }),
  name: z
    .string()
    .regex(/^[a-z0-9_-]{1,64}$/)
    .meta({ description: 'The name of a queue', examples: ['mail'] }),
};

/** The parameters of a route: in its path, its query and its headers. */
export function parametersOf(
  route: RestRoute,
  { params = {}, headers = {} }: RouteDescription,
  schemas: JsonSchemas,
): JsonSchema[] {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
  const inPath = names.map((name) => {
    const schema = params[name] ?? usualParams[name];
    if (!schema) {
      throw new RookeryError(
        'internal_error',
        `${route.name} has a path parameter :${name} that nothing describes; add it to params of its @Describes`,
      );
    }
    return parameter('path', name, schemas.ofInput(schema), true);
  });
  const inHeaders = Object.entries(headers).map(([name, schema]) =>
    parameter('header', name, schemas.ofInput(schema), false),
  );
  return [...inPath, ...queryOf(route, schemas), ...inHeaders];
}

function queryOf({ query }: RestRoute, schemas: JsonSchemas): JsonSchema[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemas.ofInput(query) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) =>
    parameter('query', name, schema, required.includes(name)),
  );
}

function parameter(
  place: string,
  name: string,
  { description, ...schema }: JsonSchema,
  required: boolean,
): JsonSchema {
  return { name, in: place, required, ...(description !== undefined && { description }), schema };
}
