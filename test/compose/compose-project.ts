import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const IMAGE = 'rookery:compose-test';

/** Room for the output of a build, and for the logs of every container. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What `docker inspect` tells of a container, as far as the test asks. */
export interface Container {
  readonly id: string;
  readonly service: string;
  readonly state: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly Health?: { readonly Status: string };
  };
  /** Its address in the project's network, as nginx logs it; empty when it is not running. */
  readonly address: string;
  /** `127.0.0.1:80` for each port that is published on the host. */
  readonly published: readonly string[];
}

interface Inspected {
  readonly Id: string;
  readonly State: Container['state'];
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: {
    readonly PortBindings: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
    > | null;
  };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> };
}

/** docker-compose.yml as a project of its own, so that a test neither meets nor harms one that is already up on this machine. */
export class ComposeProject {
  private constructor(
    readonly name: string,
    private readonly port: number,
    private readonly databasePassword: string,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  /** Nothing is started yet. Rejects with how to get Docker when there is none. */
  static async create(): Promise<ComposeProject> {
    await assertDocker();
    const port = await freePort();
    // Characters that break what is pasted into a URL or a configuration file without care.
    const password = `${randomBytes(4).toString('hex')} @/:#$'?%41`;
    return new ComposeProject(`rookery-test-${randomBytes(4).toString('hex')}`, port, password, {
      ...process.env,
      ROOKERY_HTTP_PORT: String(port),
      ROOKERY_IMAGE: IMAGE,
      POSTGRES_PASSWORD: password,
      NATS_PASSWORD: password,
    });
  }

  /** Has containers that are made from now on ask for these tokens. */
  requireTokens(tokens: string): void {
    this.env['ROOKERY_API_TOKENS'] = tokens;
  }

  /** Where nginx is published. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Runs `docker compose …` in this project; resolves with its output. */
  async compose(...args: readonly string[]): Promise<string> {
    const files = ['-f', 'docker-compose.yml', '-f', 'test/compose/compose.test.yml'];
    return this.docker('compose', '-p', this.name, ...files, ...args);
  }

  async docker(...args: readonly string[]): Promise<string> {
    const options = { cwd: ROOT, env: this.env, maxBuffer: MAX_OUTPUT_BYTES };
    const { stdout } = await run('docker', [...args], options);
    return stdout;
  }

  /** The status of what is answered to a container of that service. */
  async statusWithin(
    service: string,
    url: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const asked = `require('node:http').get(${JSON.stringify(url)}, { headers: ${JSON.stringify(headers)} }, ({ statusCode }) => {
      process.stdout.write(String(statusCode));
      process.exit();
    })`;
    return Number(await this.compose('exec', '-T', service, 'node', '-e', asked));
  }

  /** Every container of the project, or of one of its services, also those that have ended. */
  async containers(service?: string): Promise<Container[]> {
    const ids = await this.docker('ps', '-aq', '--no-trunc', '--filter', this.label);
    if (ids.trim() === '') return [];
    const inspected = JSON.parse(await this.docker('inspect', ...ids.trim().split('\n'))) as Inspected[];
    return inspected
      .map(containerOf)
      .filter((container) => service === undefined || container.service === service);
  }

  /** The rows a statement returns, each with its columns joined by `|`. */
  async sql(statement: string): Promise<string[]> {
    const psql = [
      'psql',
      '--host',
      '127.0.0.1',
      '--username',
      'rookery',
      '--no-psqlrc',
      '-At',
      '-c',
      statement,
    ];
    const env = ['--env', `PGPASSWORD=${this.databasePassword}`];
    const output = await this.compose('exec', '-T', ...env, 'postgres', ...psql);
    return output.split('\n').filter((line) => line !== '');
  }

  /** Ends everything and leaves nothing of the project on the machine. */
  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans', '--timeout', '10');
  }

  /** Names of what the project still has on this machine: containers, volumes and networks. */
  async remains(): Promise<string[]> {
    const lists = await Promise.all([
      this.docker('ps', '-a', '--filter', this.label, '--format', '{{.Names}}'),
      this.docker('volume', 'ls', '--filter', this.label, '--format', '{{.Name}}'),
      this.docker('network', 'ls', '--filter', this.label, '--format', '{{.Name}}'),
    ]);
    return lists.flatMap((list) => list.split('\n')).filter((name) => name !== '');
  }

  async removeImage(): Promise<void> {
    await this.docker('image', 'rm', IMAGE);
  }

  private get label(): string {
    return `label=com.docker.compose.project=${this.name}`;
  }
}

function containerOf({ Id, State, Config, HostConfig, NetworkSettings }: Inspected): Container {
  const bindings = Object.values(HostConfig.PortBindings ?? {}).flat();
  return {
    id: Id,
    service: Config.Labels['com.docker.compose.service'] ?? '',
    state: State,
    address: Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? '',
    published: bindings.map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`),
  };
}

async function assertDocker(): Promise<void> {
  try {
    await run('docker', ['info']);
    await run('docker', ['compose', 'version']);
  } catch (error) {
    throw new Error(
      'this test needs a Docker engine with Compose v2: install both (https://docs.docker.com/engine/install), or say with ' +
        `DOCKER_HOST where one is: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** A port nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}
