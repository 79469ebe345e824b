import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';

/** Why a request to the routes of `object` is refused, in the words its callers know. */
export class ObjectRefusal extends Error {
  override readonly name = 'ObjectRefusal';

  constructor(
    message: string,
    readonly status: 400 | 503 = 400,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Answers an `ObjectRefusal` with `{"message"}`: these routes keep the form of errors that their callers were written for. */
@Catch(ObjectRefusal)
export class ObjectRefusalFilter implements ExceptionFilter<ObjectRefusal> {
  constructor(private readonly host: HttpAdapterHost) {}

  catch({ message, status }: ObjectRefusal, host: ArgumentsHost): void {
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), { message }, status);
  }
}
