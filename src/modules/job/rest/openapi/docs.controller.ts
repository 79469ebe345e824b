import { Get, Param, Res, StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { z } from 'zod';
import { RookeryError } from '../../../../kernel/errors.js';
import { Needs } from '../../../access/index.js';
import { RestController } from '../rest-controller.decorator.js';
import { Describes } from './described.decorator.js';
import { docsFile, type DocsFile } from './docs-files.js';

/** Swagger UI writes style attributes and draws icons from data; it runs no script but its own. */
const POLICY = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `connect-src 'self'`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'none'`,
].join('; ');

/** The files change with a new version of this package only. */
const KEPT = 'private, max-age=3600';

/** Shows the OpenAPI document to people. */
@RestController('docs')
export class DocsController {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  @Get()
  @Needs('read')
  @Describes({
    tag: 'document',
    summary: 'This document, for people',
    answers: { 200: { about: 'A page', mediaType: 'text/html' } },
    readsDatabase: false,
  })
  async page(@Res({ passthrough: true }) response: unknown): Promise<StreamableFile> {
    return this.send(response, await found('index.html'));
  }

  @Get(':file')
  @Needs('read')
  @Describes({
    tag: 'document',
    summary: 'Styles and scripts of that page',
    params: { file: z.enum(['start.js', 'swagger-ui.css', 'swagger-ui.js']) },
    answers: { 200: { about: 'A file', mediaType: 'text/*' } },
    readsDatabase: false,
  })
  async file(
    @Param('file') name: string,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<StreamableFile> {
    const file = await found(name);
    this.adapterHost.httpAdapter.setHeader(response, 'Cache-Control', KEPT);
    return this.send(response, file);
  }

  private send(response: unknown, { type, body }: DocsFile): StreamableFile {
    const { httpAdapter } = this.adapterHost;
    httpAdapter.setHeader(response, 'Content-Security-Policy', POLICY);
    httpAdapter.setHeader(response, 'X-Content-Type-Options', 'nosniff');
    return new StreamableFile(body, { type });
  }
}

async function found(name: string): Promise<DocsFile> {
  const file = await docsFile(name);
  if (file) return file;
  throw new RookeryError('not_found', `there is no file ${JSON.stringify(name)} of this page`);
}
