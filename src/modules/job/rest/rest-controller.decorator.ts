import { Controller, UseFilters, UseGuards, UseInterceptors, applyDecorators } from '@nestjs/common';
import { JsonOnly } from './json-only.js';
import { OwnErrors } from './own-errors.js';
import { OwnProblemFilter } from './problem.filter.js';

/** A controller of our API: JSON in, JSON out, every error of its own a problem, in whatever application it is mounted. */
export function RestController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(path),
    UseGuards(JsonOnly),
    UseInterceptors(OwnErrors),
    UseFilters(OwnProblemFilter),
  );
}
