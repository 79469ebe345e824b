import { createServer } from 'node:net';

/**
 * Rejects with the error of a listen (EADDRINUSE, EACCES, EADDRNOTAVAIL) when the port cannot be had. Asked first of all, because
 * the application listens last: a worker would have run jobs by then. Port 0 is always free.
 */
export async function assertPortFree(port: number, host: string): Promise<void> {
  if (port === 0) return;
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}
