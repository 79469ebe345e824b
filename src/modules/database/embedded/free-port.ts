import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which systems number outgoing connections, so that none takes the port while the server is down. */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const TRIES = 20;

/** True when nobody listens on that port of the loopback address right now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** A port of the loopback address that is free right now: the preferred one where it is. */
export async function findFreePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await isPortFree(preferred))) return preferred;
  for (let tries = 0; tries < TRIES; tries++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports tried between ${LOWEST_PORT} and ${HIGHEST_PORT} is free`);
}
