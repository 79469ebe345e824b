import { RouteConfig } from '@nestjs/platform-fastify';

/** What a route of ours says of its body; read by the Fastify instance when the route is added. */
export interface BodyRule {
  /** Largest body, in bytes. */
  readonly bodyLimit: number;
  /** True when the body may be one JSON value a line; it is then handed on as a stream. */
  readonly takesLines?: boolean;
}

/** Under this name a route's configuration holds its `BodyRule`. */
export const BODY_RULE = 'rookery';

/** Bounds the body of a route. On other platforms than Fastify the application's own limits apply. */
export function BodyLimit(bodyLimit: number, options: Omit<BodyRule, 'bodyLimit'> = {}): MethodDecorator {
  return RouteConfig({ [BODY_RULE]: { bodyLimit, ...options } satisfies BodyRule });
}
