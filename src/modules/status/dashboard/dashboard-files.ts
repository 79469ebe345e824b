import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';

/** Where the build puts the page; as far from the compiled file as from its source. */
const FOLDER = fileURLToPath(new URL('../../../../dashboard/dist', import.meta.url));

/** The page itself; every other file is named by it. */
const PAGE = 'index.html';

/** Files whose name holds a hash of their content. */
const HASHED = /^assets\//;

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** What the build has compressed ahead, best first. */
const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** One file of the page, as it is served. */
export interface DashboardFile {
  readonly type: string;
  /** True when its name changes with its content, so that it may be kept for ever. */
  readonly isHashed: boolean;
  readonly etag: string;
  readonly body: Buffer;
  /** The same compressed, by the name of the encoding, best first. */
  readonly encoded: ReadonlyMap<string, Buffer>;
}

/** Holds the built page in memory, some hundred kilobytes, so that serving it reads no disk and follows no path from outside. */
@Injectable()
export class DashboardFiles {
  private readonly folder = FOLDER;
  private files: ReadonlyMap<string, DashboardFile> | undefined;

  /** The page; undefined while it is not built. */
  async page(): Promise<DashboardFile | undefined> {
    return (await this.all()).get(PAGE);
  }

  /** The file of that path below the page, as `assets/index-x.js`. */
  async file(path: string): Promise<DashboardFile | undefined> {
    return path === PAGE ? undefined : (await this.all()).get(path);
  }

  /** Looks again each time until there is a page: it may be built while the process runs. */
  private async all(): Promise<ReadonlyMap<string, DashboardFile>> {
    if (this.files) return this.files;
    const files = await readFiles(this.folder);
    if (files.has(PAGE)) this.files = files;
    return files;
  }
}

async function readFiles(folder: string): Promise<ReadonlyMap<string, DashboardFile>> {
  const bodies = new Map<string, Buffer>();
  for (const path of await pathsIn(folder))
    bodies.set(relative(folder, path).split(sep).join('/'), await readFile(path));
  const files = new Map<string, DashboardFile>();
  for (const [name, body] of bodies) {
    const type = TYPES[extname(name)];
    if (type !== undefined) files.set(name, fileOf(name, type, body, bodies));
  }
  return files;
}

function fileOf(
  name: string,
  type: string,
  body: Buffer,
  bodies: ReadonlyMap<string, Buffer>,
): DashboardFile {
  const encoded = ENCODINGS.flatMap(({ name: encoding, extension }) => {
    const compressed = bodies.get(name + extension);
    return compressed ? [[encoding, compressed] as const] : [];
  });
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"`;
  return { type, isHashed: HASHED.test(name), etag, body, encoded: new Map(encoded) };
}

async function pathsIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
