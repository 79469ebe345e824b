import { createServer, connect, type Server, type Socket } from 'node:net';

/** A network between a client and a server that a test can break: cut, made silent, slow, or not there yet. */
export interface TcpProxy {
  readonly port: number;
  /** Refuses new connections and resets those that are open, as if the server's host had gone. */
  cut(): Promise<void>;
  /** Accepts connections again, after `cut`. */
  restore(): Promise<void>;
  /** Swallows everything from now on, in both directions, and answers nothing, not even an end. */
  silence(): void;
  /** Delivers what clients send only after so many ms, in its order; 0 for at once. To be changed while nothing is under way. */
  delay(ms: number): void;
  close(): Promise<void>;
}

/** Opens a proxy to `host:port` on a free port of this machine; with `isCut` it listens only once restored. */
export async function openTcpProxy(
  target: { readonly host: string; readonly port: number },
  { isCut = false }: { readonly isCut?: boolean } = {},
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isSilent = false;
  let delayMs = 0;

  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const endWith = (from: Socket, to: Socket): void => {
    from.on('close', () => {
      if (!isSilent) to.destroy();
    });
  };
  const accept = (client: Socket): void => {
    track(client);
    if (isSilent) return;
    const upstream = track(connect(target));
    client.on('data', (chunk) => {
      if (isSilent) return;
      // Timers of one length fire in the order they were set.
      if (delayMs === 0) upstream.write(chunk);
      else setTimeout(() => void (upstream.destroyed || upstream.write(chunk)), delayMs);
    });
    endWith(client, upstream);
    upstream.on('data', (chunk) => {
      if (!isSilent) client.write(chunk);
    });
    endWith(upstream, client);
  };

  let server: Server | undefined = await listen(accept, 0);
  const port = portOf(server);
  const cut = async (): Promise<void> => {
    const closed = server && stop(server);
    server = undefined;
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  if (isCut) await cut();

  return {
    port,
    cut,
    restore: async () => {
      isSilent = false;
      server ??= await listen(accept, port);
    },
    silence: () => {
      isSilent = true;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    close: cut,
  };
}

function listen(accept: (client: Socket) => void, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(accept);
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port');
  return address.port;
}
