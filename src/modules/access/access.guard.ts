import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RookeryError } from '../../kernel/errors.js';
import { Access, type HttpRequest } from './access.js';
import { needOf } from './needs.decorator.js';
import { secureHeaders } from './secure-headers.js';

/** Lets a request through to a route whose `@Needs` its caller satisfies. A route that declares nothing needs `admin`. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly access: Access,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const http = context.switchToHttp();
    const response = http.getResponse<unknown>();
    for (const [name, value] of secureHeaders) this.header(response, name, value);
    try {
      this.access.admit(
        http.getRequest<HttpRequest>(),
        needOf(context.getHandler(), context.getClass()) ?? 'admin',
      );
    } catch (error) {
      if (error instanceof RookeryError && error.code === 'unauthorized')
        this.header(response, 'WWW-Authenticate', 'Bearer realm="rookery"');
      throw error;
    }
    return true;
  }

  private header(response: unknown, name: string, value: string): void {
    this.adapterHost.httpAdapter.setHeader(response, name, value);
  }
}
