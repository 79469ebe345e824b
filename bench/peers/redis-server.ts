import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);

/** Beside the packages, so that it goes with them. */
const CACHE = fileURLToPath(new URL('node_modules/.cache/redis', import.meta.url));

/** Debian's server, the package its program is in, and the libraries a bare system lacks. */
const PACKAGES = ['redis-server', 'redis-tools', 'libjemalloc2', 'liblzf1'];

const HOW_TO_GET_IT =
  'The comparison needs redis-server 6.2 or newer on PATH (Debian: apt-get install redis-server; macOS: brew install redis), ' +
  'or leave BullMQ out with --peers rookery,rookery-nats,pg-boss,graphile.';

export interface RedisServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A Redis server of our own in `folder`, with the append-only file that BullMQ recommends, synced every second. */
export async function openRedis(folder: string): Promise<RedisServer> {
  const { command, libraries } = await findRedis();
  const port = await freePort();
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
  };
  const server = spawn(
    command,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LD_LIBRARY_PATH: libraries } },
  );
  const exited = once(server, 'exit');
  await Promise.race([
    ready(server.stdout),
    exited.then(() => Promise.reject(new Error(`${command} ended at once`))),
  ]);
  return {
    port,
    async close() {
      server.kill('SIGTERM');
      await exited;
    },
  };
}

async function ready(output: NodeJS.ReadableStream): Promise<void> {
  for await (const chunk of output) if (String(chunk).includes('Ready to accept connections')) break;
  output.resume();
}

/** The one on PATH, else Debian's, downloaded and unpacked, which needs no root. */
async function findRedis(): Promise<{ command: string; libraries: string }> {
  if (await answers('redis-server', '')) return { command: 'redis-server', libraries: '' };
  const command = join(CACHE, 'usr/bin/redis-server');
  const libraries = join(CACHE, `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`);
  if (!(await answers(command, libraries))) await unpackDebian().catch(() => undefined);
  if (await answers(command, libraries)) return { command, libraries };
  throw new Error(HOW_TO_GET_IT);
}

async function answers(command: string, libraries: string): Promise<boolean> {
  const env = { ...process.env, LD_LIBRARY_PATH: libraries };
  return run(command, ['--version'], { env }).then(
    () => true,
    () => false,
  );
}

async function unpackDebian(): Promise<void> {
  await mkdir(join(CACHE, '..'), { recursive: true });
  const folder = await mkdtemp(`${CACHE}-`);
  try {
    await run('apt-get', ['download', ...PACKAGES], { cwd: folder });
    for (const name of await readdir(folder)) {
      if (name.endsWith('.deb')) await run('dpkg', ['-x', name, 'unpacked'], { cwd: folder });
    }
    await rename(join(folder, 'unpacked'), CACHE);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
