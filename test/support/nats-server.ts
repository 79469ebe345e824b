import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { eventually } from './eventually.js';
import { findNatsBinary, type NatsBinary } from './nats-binary.js';

/** A NATS server that several test files may share; each keeps to a prefix of its own. */
export interface SharedNats {
  readonly url: string;
  close(): Promise<void>;
}

/** How a server of a test's own is set up. */
export interface NatsServerOptions {
  /** Lines for its configuration file, for instance authorization; `FOLDER` in it is the server's own folder. */
  readonly config?: string;
  /** False for a server without JetStream. */
  readonly hasJetStream?: boolean;
  /** Most bytes its streams may take on disk; without it what the disk has. */
  readonly mostStoreBytes?: number;
  /** The port of a server that has ended, to come in its place; a free one when absent. */
  readonly port?: number;
  /** False to get a server that is not started yet. */
  readonly isStarted?: boolean;
}

const START_WITHIN_MS = 15_000;

/** The server that `TEST_NATS_URL` names, else one of this file's own. The one named may be used by others: leave nothing behind. */
export async function openNats(): Promise<SharedNats> {
  const given = process.env['TEST_NATS_URL'];
  if (given === undefined || given === '') return openNatsServer();
  await assertUsable(given);
  return { url: given, close: () => Promise.resolve() };
}

/** A new server with an empty store on a free port, for tests that stop, kill or set it up. */
export async function openNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-nats-'));
  const server = new NatsServer(folder, options.port ?? (await freePort()), options);
  try {
    if (options.isStarted !== false) await server.start();
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** A real nats-server process that keeps its port and folder through stops, kills and starts. */
export class NatsServer implements SharedNats {
  private process: ChildProcess | undefined;
  private binary: NatsBinary | undefined;
  private output = '';

  constructor(
    readonly folder: string,
    readonly port: number,
    private readonly options: NatsServerOptions,
  ) {}

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Starts it, with the store it left or an empty one, and resolves when it listens. */
  async start({ isWiped = false }: { readonly isWiped?: boolean } = {}): Promise<void> {
    if (this.process) throw new Error('the server runs already');
    if (isWiped) await rm(this.store, { recursive: true, force: true });
    await this.configure(this.options.hasJetStream ?? true);
    this.binary = await findNatsBinary();
    await this.spawn(this.binary);
  }

  /** Switches JetStream off or on while the server runs and its clients stay connected. */
  async switchJetStream(isOn: boolean): Promise<void> {
    await this.configure(isOn);
    const before = this.output.length;
    if (!this.process) throw new Error('the server does not run');
    await send(this.process, this.binary, 'SIGHUP');
    await eventually(() => this.output.slice(before).includes('Reloaded server configuration'));
  }

  /** How many clients are connected, as the server itself counts them. */
  async connectionCount(): Promise<number> {
    const monitor = /http monitor on (\S+)/.exec(this.output)?.[1];
    const response = await fetch(`http://${monitor}/connz`);
    return ((await response.json()) as { readonly num_connections: number }).num_connections;
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Ends it as a power failure does. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Ends it and removes its folder. */
  async close(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  private get store(): string {
    return join(this.folder, 'store');
  }

  private async configure(hasJetStream: boolean): Promise<void> {
    const { mostStoreBytes } = this.options;
    const limit = mostStoreBytes === undefined ? '' : `, max_file_store: ${mostStoreBytes}`;
    const jetStream = hasJetStream ? `jetstream: { store_dir: "${this.store}"${limit} }` : '';
    const config = (this.options.config ?? '').replaceAll('FOLDER', this.folder);
    await writeFile(
      join(this.folder, 'nats.conf'),
      `listen: "127.0.0.1:${this.port}"\nhttp: "127.0.0.1:-1"\n${jetStream}\n${config}\n`,
    );
  }

  private async spawn({ command, leadingArguments }: NatsBinary): Promise<void> {
    this.output = '';
    const child = spawn(command, [...leadingArguments, '-c', join(this.folder, 'nats.conf')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => void (this.output = (this.output + text).slice(-20_000)));
    }
    await eventually(
      () => {
        if (child.exitCode !== null || child.signalCode !== null) return true;
        return this.output.includes('Server is ready');
      },
      { withinMs: START_WITHIN_MS, everyMs: 10 },
    ).catch((cause: unknown) => {
      throw new Error(`nats-server did not start:\n${this.output}`, { cause });
    });
    if (child.exitCode !== null) throw new Error(`nats-server did not start:\n${this.output}`);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { process: child, binary } = this;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    await send(child, binary, signal);
    await Promise.race([
      ended,
      pause(START_WITHIN_MS, undefined, { ref: false }).then(() => child.kill('SIGKILL')),
    ]);
    await ended;
  }
}

async function send(
  child: ChildProcess,
  binary: NatsBinary | undefined,
  signal: NodeJS.Signals,
): Promise<void> {
  if (binary?.container === undefined) child.kill(signal);
  else await promisify(execFile)('docker', ['kill', '--signal', signal, binary.container]);
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  return address.port;
}

async function assertUsable(url: string): Promise<void> {
  try {
    const connection = await connect({ servers: url, timeout: 5_000 });
    await (await jetstreamManager(connection)).getAccountInfo();
    await connection.close();
  } catch (error) {
    throw new Error(
      'the NATS server for the tests cannot be used, or has no JetStream; check TEST_NATS_URL',
      {
        cause: error,
      },
    );
  }
}
