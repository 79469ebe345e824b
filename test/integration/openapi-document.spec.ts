import { Controller, Get } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EntryName } from '../../src/index.js';
import { RestController, openApiDocument, type OpenApiDocument } from '../../src/modules/job/index.js';
import { DocumentCheck } from '../support/document-check.js';
import { failOnLeaks } from '../support/leaks.js';
import { RestApp } from '../support/rest-app.js';

/** Pages and their files: for browsers, not for programs. */
const PAGES = /^\/dashboard(\/|$)/;

failOnLeaks();

describe.each<EntryName>(['all', 'job', 'status'])('the document of entry %s', (entry) => {
  const registered: string[] = [];
  let rest: RestApp;
  let document: OpenApiDocument;

  beforeAll(async () => {
    rest = await RestApp.boot({ entry, adapter: noting(registered) });
    document = (await rest.get('/openapi.json')).body as unknown as OpenApiDocument;
  });
  afterAll(() => rest.close());

  it('has every route that is served, and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(registered.length).toBeGreaterThan(15);
    expect([...described].sort()).toEqual([...registered].sort());
  });

  it('declares who may call each of them', () => {
    const undeclared = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, operation]) =>
        operation['x-role'] === undefined ? [`${method} ${path}`] : [],
      ),
    );
    expect(undeclared).toEqual([]);
  });

  it('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  it('has examples that its own schemas take', () => {
    expect(new DocumentCheck(document).badExamples()).toEqual([]);
  });
});

it('lies below the prefix of the application', async () => {
  const rest = await RestApp.boot({ prefix: 'jobs/v1' });
  try {
    const { body } = await rest.get('/jobs/v1/openapi.json');
    expect(body).toMatchObject({ servers: [{ url: '/jobs/v1' }], paths: { '/job/{id}': {} } });
  } finally {
    await rest.close();
  }
});

describe('the page for people', () => {
  let rest: RestApp;
  beforeAll(async () => {
    rest = await RestApp.boot();
  });
  afterAll(() => rest.close());

  it('has all it names here, and may load from nowhere else', async () => {
    const page = await rest.app.inject({ url: '/docs' });
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    const named = [...page.body.matchAll(/(?:src|href)="(?!data:)([^"]+)"/g)].map(([, name = '']) => name);
    expect(named).toHaveLength(3);
    for (const name of named) {
      const file = await rest.app.inject({ url: `/${name}` });
      expect(file.statusCode).toBe(200);
      expect(file.headers['content-type']).toMatch(
        name.endsWith('.css') ? /^text\/css/ : /^text\/javascript/,
      );
      expect(file.headers['x-content-type-options']).toBe('nosniff');
    }
    expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
    expect(page.body).not.toMatch(/https?:/);
  });

  it.each(['nope.js', 'index.html%2f..', '..%2fpackage.json', 'constructor', '__proto__'])(
    'has no file %s',
    async (name) => {
      const { status, body } = await rest.get(`/docs/${name}`);
      expect({ status, code: body['code'] }).toEqual({ status: 404, code: 'not_found' });
    },
  );
});

it('is not made while a route of ours is not described', () => {
  @RestController('bare')
  class BareController {
    @Get()
    read(): void {
      // Answers nothing.
    }
  }
  expect(() => openApiDocument([BareController], { version: '1' })).toThrow(
    'BareController.read (GET /bare) has no description; add @Describes above it',
  );
});

it('tells nothing of the controllers of the application around it', () => {
  @Controller('orders')
  class OrderController {
    @Get()
    read(): void {
      // Answers nothing.
    }
  }
  expect(openApiDocument([OrderController], { version: '1' }).paths).toEqual({});
});

/** An adapter that notes each route as the document would have it; a HEAD is Fastify's own twin of a GET. */
function noting(registered: string[]): FastifyAdapter {
  const adapter = new FastifyAdapter();
  adapter.getInstance().addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      if (each !== 'HEAD' && !PAGES.test(url))
        registered.push(`${each} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    }
  });
  return adapter;
}
