import {
  Controller,
  SetMetadata,
  UseFilters,
  UseGuards,
  UseInterceptors,
  applyDecorators,
} from '@nestjs/common';
import { AccessGuard } from '../../access/index.js';
import { JsonOnly } from './json-only.js';
import { OwnErrors } from './own-errors.js';
import { OwnProblemFilter } from './problem.filter.js';

const OURS = 'rookery:rest';

/** A controller of our API: JSON in, JSON out, open to those whom its routes' `@Needs` allow, every error of its own a problem, in whatever application it is mounted. */
export function RestController(path: string): ClassDecorator {
  return applyDecorators(
    Controller(path),
    SetMetadata(OURS, true),
    UseGuards(AccessGuard, JsonOnly),
    UseInterceptors(OwnErrors),
    UseFilters(OwnProblemFilter),
  );
}

/** True for a controller of our API, whatever else the application has. */
export function isRestController(controller: object): boolean {
  return Reflect.getMetadata(OURS, controller) === true;
}
