import { readFileSync } from 'node:fs';
import 'reflect-metadata';
import { expect, it } from 'vitest';
import { openApiText } from './openapi-text.js';

it('is what docs/openapi.json holds; npm run docs:openapi rewrites it', () => {
  const page = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  expect(page).toBe(openApiText());
});
