import { version } from '../kernel/version.js';
import { openApiDocument } from '../modules/job/index.js';
import { apiControllers } from './api-controllers.js';

/** docs/openapi.json as it has to be; `npm run docs:openapi` writes it. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(apiControllers(), { version: version() }), undefined, 2)}\n`;
}
