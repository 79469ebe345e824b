import { Controller, Get, Req, Res, StreamableFile } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DashboardFiles, type DashboardFile } from './dashboard-files.js';

/**
 * What the page may do: its own scripts, and requests to where it came from. Styles may be inline because the component library writes
 * its theme's variables into the page; nobody else's text becomes a style.
 */
const POLICY = [
  `default-src 'none'`,
  `script-src 'self'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `font-src 'self'`,
  `connect-src 'self'`,
  `base-uri 'self'`,
  `form-action 'self'`,
  `frame-ancestors 'none'`,
].join('; ');

const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_FIRST = 'no-cache';

const NOT_BUILT = `The dashboard is not built.

In a checkout:  npm run build:dashboard
It appears here without a restart. An installed package and a container image bring it along.

The same data as JSON: /status, /queue, /worker, /job/all
`;

interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Serves the page and its files. Any path below /dashboard that is no file is a place in the page, so that it can be linked to. */
@Controller('dashboard')
export class DashboardController {
  constructor(
    private readonly files: DashboardFiles,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  @Get()
  index(@Req() request: Request, @Res({ passthrough: true }) response: unknown): Promise<StreamableFile> {
    return this.serve(request, response);
  }

  /** No wildcard, which each platform spells differently; no file and no place lies deeper. */
  @Get([':folder', ':folder/:name'])
  below(@Req() request: Request, @Res({ passthrough: true }) response: unknown): Promise<StreamableFile> {
    return this.serve(request, response);
  }

  private async serve(request: Request, response: unknown): Promise<StreamableFile> {
    const { root, path } = placeOf(String(this.adapterHost.httpAdapter.getRequestUrl(request)));
    const file = await this.files.file(path);
    if (file) return this.send(request, response, file);
    const page = await this.files.page();
    if (!page) return this.text(response, 503, NOT_BUILT);
    // A missing script must not be answered with a page that cannot be run.
    if (path.startsWith('assets/')) {
      return this.text(response, 404, 'There is no such file; the page was built anew. Reload it.\n');
    }
    return this.send(request, response, pageAt(page, root));
  }

  private send(request: Request, response: unknown, file: DashboardFile): StreamableFile {
    this.header(response, 'Cache-Control', file.isHashed ? FOR_EVER : ASK_FIRST);
    this.header(response, 'ETag', file.etag);
    this.header(response, 'Content-Type', file.type);
    this.header(response, 'Content-Security-Policy', POLICY);
    this.header(response, 'X-Content-Type-Options', 'nosniff');
    this.header(response, 'Referrer-Policy', 'same-origin');
    if (request.headers['if-none-match'] === file.etag) {
      this.adapterHost.httpAdapter.status(response, 304);
      return new StreamableFile(Buffer.alloc(0));
    }
    if (file.encoded.size > 0) this.header(response, 'Vary', 'Accept-Encoding');
    const accepted = acceptedBy(request);
    for (const [encoding, body] of file.encoded) {
      if (!accepted.has(encoding)) continue;
      this.header(response, 'Content-Encoding', encoding);
      return new StreamableFile(body);
    }
    return new StreamableFile(file.body);
  }

  private text(response: unknown, status: number, text: string): StreamableFile {
    this.adapterHost.httpAdapter.status(response, status);
    this.header(response, 'Content-Type', 'text/plain; charset=utf-8');
    this.header(response, 'Cache-Control', 'no-store');
    return new StreamableFile(Buffer.from(text));
  }

  private header(response: unknown, name: string, value: string): void {
    this.adapterHost.httpAdapter.setHeader(response, name, value);
  }
}

/** The path of the page, ending with a slash and after any global prefix, and what of the URL lies below it. */
function placeOf(url: string): { readonly root: string; readonly path: string } {
  const [pathname = ''] = url.split('?', 1);
  const [, root = '/dashboard', path = ''] = /^(.*?\/dashboard)(?:\/(.*))?$/.exec(pathname) ?? [];
  return { root: `${root}/`, path };
}

/** The page with the path that its files' names are relative to: it is served from every path below. */
function pageAt(page: DashboardFile, root: string): DashboardFile {
  // A path that came with a request: it may hold any character.
  const safe = root.replace(/[^\w/.~%-]/g, (character) => encodeURIComponent(character));
  const body = Buffer.from(page.body.toString().replace('<head>', `<head><base href="${safe}" />`));
  return { ...page, body, encoded: new Map() };
}

function acceptedBy({ headers }: Request): ReadonlySet<string> {
  const header = String(headers['accept-encoding'] ?? '');
  const names = header.split(',').filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part));
  return new Set(names.map((part) => part.split(';', 1)[0]?.trim().toLowerCase() ?? ''));
}
