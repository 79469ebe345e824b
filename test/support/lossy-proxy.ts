import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A network before PostgreSQL that loses answers: the server does what it was asked, and nobody is told. */
export interface LossyProxy {
  /** The database's URL by way of this proxy. */
  readonly url: string;
  /**
   * Arms the proxy once: of the next request that contains this text (a statement's name, or `COMMIT`), the answer is dropped and the
   * connection reset as soon as the server has given it. Resolves when that has happened. `after`: only on a connection that has carried a
   * request with this text since.
   */
  loseAnswerTo(text: string, options?: { readonly after?: string }): Promise<void>;
  /** Resets every connection and accepts no more, until `restore`. */
  cut(): void;
  restore(): void;
  close(): Promise<void>;
}

interface Trap {
  readonly text: string;
  readonly after: string | undefined;
  /** The connections that have carried `after`. */
  readonly ripe: WeakSet<Socket>;
  readonly sprung: () => void;
}

/** The message with which PostgreSQL ends every answer: 'Z', its length 5, the state of the transaction. */
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5]);

export async function openLossyProxy(databaseUrl: string): Promise<LossyProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const traps = new Set<Trap>();
  let isCut = false;

  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    track(client);
    if (isCut) {
      client.resetAndDestroy();
      return;
    }
    const upstream = track(connect(Number(target.port), target.hostname));
    let caughtIn: Trap | undefined;
    client.on('data', (request) => {
      for (const { after, ripe } of traps)
        if (after === undefined || request.includes(after)) ripe.add(client);
      caughtIn ??= [...traps].find((trap) => trap.ripe.has(client) && request.includes(trap.text));
      if (caughtIn) traps.delete(caughtIn);
      upstream.write(request);
    });
    upstream.on('data', (answer) => {
      if (!caughtIn) client.write(answer);
      else if (answer.subarray(-6, -1).equals(READY_FOR_QUERY)) {
        client.resetAndDestroy();
        upstream.destroy();
        caughtIn.sprung();
      }
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: url.href,
    loseAnswerTo: (text, { after } = {}) =>
      new Promise<void>((sprung) => traps.add({ text, after, ripe: new WeakSet(), sprung })),
    cut,
    restore: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
