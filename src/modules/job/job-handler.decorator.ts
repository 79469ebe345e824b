import { Injectable, SetMetadata, applyDecorators } from '@nestjs/common';
import type { JobContext, Handler } from './handler.js';
import type { JobType, Payload } from './job-type.js';

/** Metadata key under which a handler class names its job type; read by the explorer alone. */
export const JOB_TYPE_METADATA = 'rookery:job-type';

type HandlerClass<Type extends JobType> = new (...args: never[]) => {
  handle(payload: Payload<Type>, ctx: JobContext): unknown;
} & Pick<Handler<Type>, 'onError'>;

/** True for a class that `@JobHandler` stands on with a job type. */
export function isHandlerClass(target: object): boolean {
  return Reflect.getMetadata(JOB_TYPE_METADATA, target) !== undefined;
}

/** Makes a class the handler of a job type, and injectable; boot finds it among the providers. One type has one handler. */
export function JobHandler<Type extends JobType>(
  type: Type,
): <Class extends HandlerClass<Type>>(target: Class) => void {
  return applyDecorators(Injectable(), SetMetadata(JOB_TYPE_METADATA, type));
}
