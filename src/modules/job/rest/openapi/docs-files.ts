import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const HTML = 'text/html; charset=utf-8';
const CSS = 'text/css; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';

/** Paths are relative to the page's own, so that the page works below any prefix. */
const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Rookery API</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="docs/swagger-ui.css" />
  </head>
  <body>
    <div id="page"></div>
    <script src="docs/swagger-ui.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

/** Without the validator, which would send the document to a stranger. */
const START = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#page',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

/** A file of the page for people. */
export interface DocsFile {
  readonly type: string;
  readonly body: Buffer;
}

/** Swagger UI as the Fastify project packages it, which adds no telemetry to it; nothing is fetched from elsewhere. */
const sources: Readonly<Record<string, { readonly type: string; readonly read: () => Promise<Buffer> }>> = {
  'index.html': { type: HTML, read: async () => Buffer.from(PAGE) },
  'start.js': { type: SCRIPT, read: async () => Buffer.from(START) },
  'swagger-ui.css': { type: CSS, read: () => packaged('swagger-ui.css') },
  'swagger-ui.js': { type: SCRIPT, read: () => packaged('swagger-ui-bundle.js') },
};

const files = new Map<string, Promise<DocsFile>>();

/** A file of the page by its name; undefined when the page has none of that name. Each is read once, 2 MB in all. */
export function docsFile(name: string): Promise<DocsFile> | undefined {
  if (!Object.hasOwn(sources, name)) return undefined;
  const { type, read } = sources[name] ?? {};
  if (type === undefined || !read) return undefined;
  const file = files.get(name) ?? read().then((body) => ({ type, body }));
  files.set(name, file);
  return file;
}

function packaged(name: string): Promise<Buffer> {
  return readFile(require.resolve(`@fastify/swagger-ui/static/${name}`));
}
