import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/run-cli.js';
import { Terminal } from '../../src/cli/terminal.js';
import { runCliHere } from '../support/cli-here.js';
import { eventually } from '../support/eventually.js';
import { gate } from '../support/handlers.js';
import { SamplesApp } from '../support/samples-app.js';
import { openTcpProxy } from '../support/tcp-proxy.js';

const ENTER = '\u001b[?1049h';
const LEAVE = '\u001b[?1049l';

let scene: SamplesApp;
beforeAll(async () => {
  scene = await SamplesApp.boot({ log: { level: 'error' } });
});
afterAll(() => scene.close());

/** Somebody at a terminal. */
class Seat {
  written = '';
  isRaw = false;
  readonly stdin = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (isRaw: boolean) => (this.isRaw = isRaw),
  });
  readonly ended: Promise<number>;

  constructor(url: string, args: readonly string[] = []) {
    const stdout = { isTTY: true, columns: 120, rows: 30, write: (text: string) => (this.written += text) };
    this.ended = runCli({
      argv: ['watch', '--every', '500ms', ...args],
      terminal: new Terminal(stdout, stdout, { NO_COLOR: '1' }),
      stdin: this.stdin,
      env: { ROOKERY_URL: url },
      cwd: '/',
    });
  }

  sees(text: string): Promise<unknown> {
    return eventually(() => this.written.includes(text));
  }
}

describe('rookery watch', () => {
  it('shows how all is until q, and gives the terminal back as it was', async () => {
    const seat = new Seat(scene.url);
    await seat.sees('nothing needs attention');
    expect([seat.isRaw, seat.written.startsWith(ENTER)]).toEqual([true, true]);
    await scene.send('POST', '/queue/objects/pause');
    await seat.sees('The queue objects is paused');
    await scene.send('POST', '/queue/objects/resume');
    seat.stdin.write('q');
    expect(await seat.ended).toBe(0);
    expect([seat.isRaw, seat.written.endsWith(LEAVE)]).toEqual([false, true]);
  });

  it('ends with Ctrl-C', async () => {
    const seat = new Seat(scene.url);
    await seat.sees('QUEUE');
    seat.stdin.write('\u0003');
    expect(await seat.ended).toBe(0);
  });

  it('waits for a server that goes away, with what it showed last', async () => {
    const proxy = await openTcpProxy({ host: '127.0.0.1', port: Number(new URL(scene.url).port) });
    const seat = new Seat(`http://127.0.0.1:${proxy.port}`);
    try {
      await seat.sees('QUEUE');
      await proxy.cut();
      await seat.sees('what is below is as it was');
      expect(seat.written).toContain(`nothing answers at http://127.0.0.1:${proxy.port}`);
    } finally {
      seat.stdin.write('q');
      await seat.ended;
      await proxy.close();
    }
  });

  it('is left at once, though the server does not answer', async () => {
    const asked = gate();
    let requests = 0;
    const server = createServer((request, response) => {
      // The first look is four requests; the next has to wait.
      if (++requests > 4) asked.open();
      else void fetch(`${scene.url}${request.url}`).then(async (answer) => response.end(await answer.text()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const seat = new Seat(`http://127.0.0.1:${port}`);
    try {
      await asked.opened;
      const leftAt = performance.now();
      seat.stdin.write('q');
      expect(await seat.ended).toBe(0);
      // An answer is waited for for half a minute.
      expect(performance.now() - leftAt).toBeLessThan(10_000);
      expect(seat.written.endsWith(LEAVE)).toBe(true);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('leaves no screen behind where nothing answers', async () => {
    const seat = new Seat('http://127.0.0.1:1');
    expect(await seat.ended).toBe(3);
    expect(seat.written).not.toContain(ENTER);
  });

  it('says what to use where there is no terminal', async () => {
    const { code, stderr, stdout } = await runCliHere(scene.url, ['watch']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('a live view needs a terminal');
    expect(stderr).toContain('rookery watch --json');
  });

  it.each(['1ms', '2h', 'soon'])('refuses --every %s', async (every) => {
    const { code, stderr } = await runCliHere(scene.url, ['watch', '--every', every]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`--every: "${every}"`)]);
  });

  it('tells programs a line of JSON each time', async () => {
    const seat = new Seat(scene.url, ['--json']);
    await eventually(() => seat.written.split('\n').length > 2);
    seat.stdin.write('q');
    expect(await seat.ended).toBe(0);
    for (const line of seat.written.trim().split('\n'))
      expect(Object.keys(JSON.parse(line) as object)).toEqual(['totals', 'attention', 'queues', 'workers']);
  });
});
