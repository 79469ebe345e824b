import { loadConfig } from '../config/index.js';
import { CliError } from './cli-error.js';
import { exitCodes } from './exit-codes.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the server is: `--url`, else ROOKERY_URL, else this machine at the port that a server started here would take (PORT,
 * rookery.yaml, 8080). Throws a usage error for what is no http URL, and for settings that are wrong.
 */
export function serverUrl(flag: string | undefined, env: Environment, cwd: string): URL {
  if (flag !== undefined) return httpUrl('--url', flag);
  const fromEnvironment = env['ROOKERY_URL'];
  if (fromEnvironment !== undefined && fromEnvironment !== '') return httpUrl('ROOKERY_URL', fromEnvironment);
  return new URL(`http://127.0.0.1:${portOf(env, cwd)}`);
}

function httpUrl(origin: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new CliError(
    exitCodes.usage,
    `${origin}: ${JSON.stringify(text)} is no URL of a server; write it as http://127.0.0.1:8080`,
  );
}

function portOf(env: Environment, cwd: string): number {
  try {
    return loadConfig({ argv: [], env, cwd }).http.port;
  } catch (error) {
    throw new CliError(exitCodes.usage, error instanceof Error ? error.message : String(error), [
      'correct it, or name the server with --url',
    ]);
  }
}
