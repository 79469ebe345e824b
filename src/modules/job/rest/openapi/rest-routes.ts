import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import type { z } from 'zod';
import { needOf, type Need } from '../../../access/index.js';
import { CheckedBy } from '../checked-by.js';
import { isRestController } from '../rest-controller.decorator.js';
import { descriptionOf, type RouteDescription } from './described.decorator.js';

/** Nest's numbers for where an argument of a route comes from. */
const FROM_BODY = 3;
const FROM_QUERY = 4;

/** A route as its decorators declare it. */
export interface RestRoute {
  /** As in the code: `LookupController.job`. */
  readonly name: string;
  readonly method: string;
  /** As a router has it: `/job/:id`. */
  readonly path: string;
  readonly description: RouteDescription | undefined;
  readonly need: Need | undefined;
  /** What the route's pipes check. */
  readonly body: z.ZodType | undefined;
  readonly query: z.ZodType | undefined;
}

interface RouteArgument {
  readonly pipes?: readonly unknown[];
}

/** The routes of our own controllers among these, and those of others that are described, as the decorators declare them. */
export function restRoutes(controllers: readonly Type[]): RestRoute[] {
  return controllers.flatMap((controller) => {
    const isOurs = isRestController(controller);
    return routesOf(controller).filter((route) => isOurs || route.description !== undefined);
  });
}

function routesOf(controller: Type): RestRoute[] {
  const prototype = controller.prototype as Readonly<Record<string, unknown>>;
  return Object.getOwnPropertyNames(prototype).flatMap((key) => {
    const handler = prototype[key];
    // The constructor is the controller itself, with a path of its own.
    if (typeof handler !== 'function' || handler === controller) return [];
    const paths = Reflect.getMetadata(PATH_METADATA, handler) as string | string[] | undefined;
    if (paths === undefined) return [];
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod;
    const root = Reflect.getMetadata(PATH_METADATA, controller) as string;
    return [paths].flat().map((path) => ({
      name: `${controller.name}.${key}`,
      method: RequestMethod[method],
      path: joined(root, path),
      description: descriptionOf(handler),
      need: needOf(handler, controller),
      body: checkedArgument(controller, key, FROM_BODY),
      query: checkedArgument(controller, key, FROM_QUERY),
    }));
  });
}

function joined(...parts: readonly string[]): string {
  const segments = parts.flatMap((part) => part.split('/')).filter((segment) => segment !== '');
  return `/${segments.join('/')}`;
}

/** The schema of the pipe that checks the whole body or the whole query. */
function checkedArgument(controller: Type, key: string, from: number): z.ZodType | undefined {
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, key) ?? {}) as Record<
    string,
    RouteArgument
  >;
  const pipes = Object.entries(args)
    .filter(([argument]) => argument.startsWith(`${from}:`))
    .flatMap(([, argument]) => argument.pipes ?? []);
  const checking = pipes.find((pipe) => pipe instanceof CheckedBy) as CheckedBy<z.ZodType> | undefined;
  return checking?.schema;
}
