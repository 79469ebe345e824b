import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { RookeryError } from '../../../kernel/errors.js';

/** The media type of one JSON value a line. */
export const NDJSON = 'application/x-ndjson';

/** Requests as both platforms have them. */
interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** True when the request's body is said to be one JSON value a line. */
export function isNdjson(request: Request): boolean {
  return mediaTypeOf(request) === NDJSON;
}

/**
 * Refuses bodies that are not JSON. A web page may send forms and plain text to any address without asking; JSON it may not, so
 * no page that somebody merely visits can enqueue jobs here.
 */
@Injectable()
export class JsonOnly implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const mediaType = mediaTypeOf(context.switchToHttp().getRequest<Request>());
    if (mediaType === undefined || mediaType === 'application/json' || mediaType === NDJSON) return true;
    throw new RookeryError(
      'unsupported_media_type',
      `a body of type ${mediaType} is not taken; send application/json`,
    );
  }
}

function mediaTypeOf({ headers }: Request): string | undefined {
  const header = headers['content-type'];
  return typeof header === 'string' ? header.split(';', 1)[0]?.trim().toLowerCase() : undefined;
}
