import { Get, type Type } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { z } from 'zod';
import { Needs } from '../../../access/index.js';
import { version } from '../../../../kernel/version.js';
import { RestController } from '../rest-controller.decorator.js';
import { Describes } from './described.decorator.js';
import { openApiDocument, type OpenApiDocument } from './document.js';

/** Tells what this process answers, as an OpenAPI document made from the code that answers it. */
@RestController('openapi.json')
export class OpenApiController {
  private document: OpenApiDocument | undefined;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly application: ApplicationConfig,
  ) {}

  @Get()
  @Needs('read')
  @Describes({
    tag: 'document',
    summary: 'This document',
    answers: {
      200: {
        about: 'OpenAPI 3.1',
        schema: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
      },
    },
    readsDatabase: false,
  })
  read(): OpenApiDocument {
    this.document ??= openApiDocument(this.controllers(), {
      version: version(),
      prefix: rooted(this.application.getGlobalPrefix()),
    });
    return this.document;
  }

  private controllers(): Type[] {
    const classes = [...this.modules.values()].flatMap((module) =>
      [...module.controllers.values()].map((wrapper) => wrapper.metatype as Type),
    );
    return [...new Set(classes)];
  }
}

function rooted(prefix: string): string {
  const bare = prefix.replaceAll(/^\/|\/$/g, '');
  return bare === '' ? '' : `/${bare}`;
}
