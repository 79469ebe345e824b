import { execFileSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BROWSER_HOOK_MS, launchBrowser } from '../support/browser.js';
import { SamplesApp } from '../support/samples-app.js';

const repository = join(import.meta.dirname, '../..');
/** Ignored by git; for people to look at after a run. */
const SHOTS = join(repository, 'test/screenshots');

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

let scene: SamplesApp;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the page complained of: a breach of its policy, a script that failed, a picture that is not there. */
let complaints: string[];

const send = async <Body>(method: string, path: string, body?: unknown): Promise<Body> =>
  (await scene.send<Body>(method, path, body)).body;

const enqueue = async (body: object): Promise<string> =>
  (await send<{ id: string }>('POST', '/job', body)).id;

const statusOf = async (id: string): Promise<string> =>
  (await send<{ status: string }>('GET', `/job/${id}/status?wait=10s`)).status;

/** A job that ends failed: requests to this machine are refused, and it has one attempt. */
async function failedJob(objectId: string): Promise<string> {
  const id = await enqueue({
    name: 'http:request',
    payload: { url: 'http://127.0.0.1:1/' },
    maxAttempts: 1,
    objectId,
  });
  expect(await statusOf(id)).toBe('failed');
  return id;
}

async function open(path: string): Promise<void> {
  await page.goto(`${scene.url}/dashboard${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

beforeAll(async () => {
  execFileSync(process.execPath, [join(repository, 'scripts/build-dashboard.js')]);
  await mkdir(SHOTS, { recursive: true });
  browser = await launchBrowser();
  scene = await SamplesApp.boot({ log: { level: 'error' } });
}, BROWSER_HOOK_MS);

afterAll(async () => {
  await browser.close();
  await scene.close();
});

beforeEach(async () => {
  context = await browser.newContext({ viewport: DESKTOP, colorScheme: 'light', reducedMotion: 'reduce' });
  context.setDefaultTimeout(10_000);
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
});

afterEach(() => context.close());

describe('serving the dashboard', () => {
  it('lets nothing run but its own scripts, and keeps no page without asking', async () => {
    const { status, headers } = await fetch(`${scene.url}/dashboard`);
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toContain(`script-src 'self';`);
    expect(headers.get('cache-control')).toBe('no-cache');
    const etag = headers.get('etag') ?? '';
    expect((await fetch(`${scene.url}/dashboard`, { headers: { 'if-none-match': etag } })).status).toBe(304);
  });

  it('serves files compressed, to be kept for ever, under names that change with them', async () => {
    const html = await (await fetch(`${scene.url}/dashboard/jobs/some-id`)).text();
    const [, script = ''] = /src="\.\/(assets\/[^"]+\.js)"/.exec(html) ?? [];
    for (const encoding of ['br', 'gzip']) {
      const { headers } = await fetch(`${scene.url}/dashboard/${script}`, {
        headers: { 'accept-encoding': encoding },
      });
      expect(headers.get('content-encoding')).toBe(encoding);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    }
    expect((await fetch(`${scene.url}/dashboard/assets/of-an-older-build.js`)).status).toBe(404);
  });
});

describe('the dashboard', () => {
  it('names a paused queue first, and resumes it with one click', async () => {
    await send('POST', '/queue/objects/pause');
    await enqueue({ name: 'object', payload: { object_id: 'cup' } });
    await open('');
    const attention = page.getByRole('region', { name: 'Needs attention first' });
    await attention.getByText('The queue objects is paused; 1 job waits').waitFor();
    await attention.getByRole('button', { name: 'Resume the queue objects' }).click();
    await page.getByText('objects runs again; its jobs start').waitFor();
    await attention.getByText('Nothing does.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('finds failed jobs by what they said, and retries those chosen after saying how many', async () => {
    const [one, two] = [await failedJob('first'), await failedJob('second')];
    await open('/jobs?status=failed');
    await page.getByLabel('Error says').fill('public internet');
    const found = page.waitForResponse(/job\/all\?.*error=public/);
    await page.keyboard.press('Enter');
    await found;
    await page.getByLabel(`Select job ${one}`).check();
    await page.getByLabel(`Select job ${two}`).check();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByRole('dialog').getByText('2 jobs will run again.').waitFor();
    await page.getByRole('button', { name: 'Retry 2 jobs' }).click();
    await page.getByText('2 jobs will run again', { exact: true }).waitFor();
    await expect.poll(async () => (await send<{ run: number }>('GET', `/job/${one}`)).run).toBe(2);
    expect(complaints).toEqual([]);
  });

  it('counts what a cancel of all would cancel, and cancels nothing when left', async () => {
    const id = await enqueue({ name: 'example:job', payload: { param: 'later' }, delay: '1h' });
    await open('/jobs?status=waiting&name=example%3Ajob');
    await page.getByRole('button', { name: 'Cancel all…' }).click();
    await page.getByRole('dialog').getByText('1 job will be canceled.').waitFor();
    await page.getByRole('button', { name: 'Leave them' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect((await send<{ status: string }>('GET', `/job/${id}`)).status).toBe('waiting');
    await send('POST', `/job/${id}/cancel`);
  });

  it('says why a job waits', async () => {
    const id = await enqueue({ name: 'example:job', payload: { param: 'later' }, delay: '1h' });
    await open(`/jobs/${id}`);
    await page.getByText(/It is not to run before .+ \(in 59 min\)/).waitFor();
    expect(await page.title()).toBe('example:job · Rookery');
    await send('POST', `/job/${id}/cancel`);
  });

  it('enqueues a failed job again with another payload, which names the one it repeats', async () => {
    const id = await failedJob('to be repaired');
    await open(`/jobs/${id}`);
    await page.getByText('Run 1 failed').waitFor();
    await page.getByRole('button', { name: 'Retry with another payload' }).click();
    await page.getByRole('textbox', { name: 'Payload' }).fill('{"url": 7}');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByRole('alert').getByText('payload.url', { exact: true }).waitFor();
    await page.getByRole('textbox', { name: 'Payload' }).fill('{"url": "http://127.0.0.1:2/"}');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id) && url.pathname.startsWith('/dashboard/jobs/'));
    await page.getByRole('link', { name: `…${id.slice(-8)}` }).waitFor();
  });

  it('makes a schedule, shows its next fires, and fires it by hand', async () => {
    await open('/schedules');
    await page.getByRole('button', { name: 'New schedule' }).click();
    await page.getByLabel('Name').fill('hourly-tick');
    await page.getByLabel('Cron').fill('0 * * * *');
    await page.getByLabel('Job type').selectOption('example:job');
    await page.getByRole('textbox', { name: 'Payload' }).fill('{"param": "tick"}');
    await page.getByRole('button', { name: 'Make' }).click();
    await page.getByRole('link', { name: 'hourly-tick' }).click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Next fires' }).getByRole('row').count())
      .toBe(10);
    await page.getByRole('button', { name: 'Fire now: hourly-tick' }).click();
    await page.getByRole('region', { name: 'Last fires' }).getByText('by hand').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows how far a batch is, and seals it', async () => {
    const { id } = await send<{ id: string }>('POST', '/batch', {
      name: 'example:job',
      key: 'nightly',
      items: [{ param: 'a' }, { param: 'b' }],
      open: true,
    });
    await open(`/batches/${id}`);
    await page.getByRole('img', { name: '100 % have ended: 2 done' }).waitFor();
    await page.getByRole('button', { name: 'Seal' }).click();
    await page.getByText('complete', { exact: true }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('sets how many jobs of a queue run at once, and takes it back', async () => {
    await open('/queues');
    const card = page.getByRole('region', { name: 'Queue objects' });
    await card.getByText('Set by hand').waitFor();
    await card.getByRole('button', { name: 'Settings of the queue objects' }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Concurrency', { exact: true }).fill('25');
    await form.getByLabel('Timeout').fill('soon');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByRole('listitem').getByText('is "soon"').waitFor();
    await form.getByLabel('Timeout').fill('90s');
    await form.getByRole('button', { name: 'Save' }).click();
    await card.getByText('concurrency 25, timeout 90s').waitFor();
    await card.getByText('of 25 busy').waitFor();
    await card.getByRole('button', { name: 'Settings of the queue objects' }).click();
    await form.getByLabel('Concurrency', { exact: true }).fill('');
    await form.getByLabel('Timeout').fill('');
    await form.getByRole('button', { name: 'Save' }).click();
    await card.getByText('nothing', { exact: true }).waitFor();
  });

  it('is used by keys alone', async () => {
    const id = await failedJob('by keys');
    await open('');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('w');
    await page.getByRole('heading', { level: 1, name: 'Workers' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(id);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'http:request' }).waitFor();
  });

  it('shows what the server refused, in its words, with a way to try again', async () => {
    await open('/jobs/01890000-0000-7000-8000-000000000000');
    const problem = page.getByRole('alert').first();
    await problem.getByText('There is no such job').waitFor();
    await problem.getByRole('button', { name: 'Try again' }).waitFor();
  });

  it('shows what happens as it happens, without asking', async () => {
    const isStreaming = page.waitForResponse((response) => response.url().includes('/events'));
    await open('/queues');
    const button = (name: string) => page.getByRole('button', { name: `${name} the queue objects` });
    await Promise.all([isStreaming, button('Pause').waitFor()]);
    // Whatever it shows from here on, it was told.
    await page.route('**/queue', (route) => route.abort());
    await send('POST', '/queue/objects/pause');
    await button('Resume').waitFor();
    await send('POST', '/queue/objects/resume');
    await button('Pause').waitFor();
  });

  it('asks less than once a second, and not at all while nobody looks', async () => {
    await page.clock.install();
    let requests = 0;
    page.on('request', (request) => {
      if (!request.url().includes('/dashboard')) requests++;
    });
    await open('');
    await page.getByText('worker alive').waitFor();
    requests = 0;
    // In steps, so that each answer is there before the next is asked for.
    for (let second = 0; second < 60; second += 5) await page.clock.runFor(5_000);
    expect(requests).toBeGreaterThan(5);
    expect(requests).toBeLessThan(60);
    await page.evaluate(`
      Object.defineProperty(document, 'hidden', { value: true });
      Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
      window.dispatchEvent(new Event('visibilitychange'));
      document.dispatchEvent(new Event('visibilitychange'));
    `);
    requests = 0;
    await page.clock.runFor(60_000);
    expect(requests).toBe(0);
  });
});

describe('the dashboard when things go wrong', () => {
  /** Lets the test answer every request that matches, and tells which were made. */
  async function answering(
    pattern: string,
    answer: (body: { readonly dryRun?: boolean; readonly cursor?: string }, at: number) => unknown,
  ): Promise<{ readonly dryRun?: boolean; readonly until?: string; readonly cursor?: string }[]> {
    const asked: { dryRun?: boolean; until?: string; cursor?: string }[] = [];
    await page.route(pattern, async (route) => {
      const body = (route.request().postDataJSON() ?? {}) as { dryRun?: boolean; cursor?: string };
      asked.push(body);
      await route.fulfill({ json: await answer(body, asked.length) });
    });
    return asked;
  }

  const held = async (name: string, objectId?: string): Promise<string> =>
    enqueue({ name, payload: { param: 'later' }, delay: '1h', ...(objectId !== undefined && { objectId }) });

  it('refuses at once what is tapped without signal, and does not do it later', async () => {
    await open('/queues');
    const pause = page.getByRole('button', { name: 'Pause the queue objects' });
    await pause.waitFor();
    await context.setOffline(true);
    await pause.click();
    await page.getByText('This device is offline', { exact: true }).first().waitFor();
    const changes: string[] = [];
    page.on('request', (request) => {
      if (request.method() !== 'GET') changes.push(request.url());
    });
    const isBack = page.waitForResponse((response) => response.url().endsWith('/queue'));
    await context.setOffline(false);
    await isBack;
    await pause.waitFor();
    expect(changes).toEqual([]);
  });

  it('changes no more jobs once the page with the dialog is left, and says how many it changed', async () => {
    const id = await held('example:job');
    let answerFirst = (): void => undefined;
    const isLeft = new Promise<void>((resolve) => (answerFirst = resolve));
    const asked = await answering('**/job/cancel', async ({ dryRun = false }, at) => {
      if (dryRun) return { matched: 3, changed: 0, executing: 0, more: false, next: null };
      await isLeft;
      return { matched: 1, changed: 1, executing: 0, more: at < 4, next: at < 4 ? 'further' : null };
    });
    await open('/queues');
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel all…' }).click();
    await page.getByRole('button', { name: 'Cancel 3 jobs' }).click();
    await page.getByText('0 jobs so far').waitFor();
    await page.goBack();
    answerFirst();
    await page.getByText('1 job canceled. It was stopped there; the rest is as it was.').waitFor();
    expect(asked.filter(({ dryRun }) => dryRun !== true)).toHaveLength(1);
    await send('POST', `/job/${id}/cancel`);
  });

  it('says how many jobs it changed before a request failed', async () => {
    const id = await held('example:job');
    await page.route('**/job/cancel', (route) => {
      const { dryRun = false, cursor } = route.request().postDataJSON() as Record<string, unknown>;
      if (cursor !== undefined) return route.abort();
      const counts = dryRun ? { matched: 3, changed: 0 } : { matched: 2, changed: 2 };
      return route.fulfill({
        json: { ...counts, executing: 0, more: !dryRun, next: dryRun ? null : 'further' },
      });
    });
    await open('/jobs?status=waiting');
    await page.getByRole('button', { name: 'Cancel all…' }).click();
    await page.getByRole('button', { name: 'Cancel 3 jobs' }).click();
    await page.getByText('2 jobs canceled. Then it failed: No answer came').waitFor();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    await send('POST', `/job/${id}/cancel`);
  });

  it('changes no job that was made after it had counted', async () => {
    const first = await held('example:job', 'fixed');
    await open('/jobs?status=waiting&objectId=fixed');
    await page.getByRole('button', { name: 'Cancel all…' }).click();
    await page.getByText('1 job will be canceled.').waitFor();
    const second = await held('example:job', 'fixed');
    await page.getByRole('button', { name: 'Cancel 1 job' }).click();
    await page.getByText('1 job canceled', { exact: true }).waitFor();
    expect((await send<{ status: string }>('GET', `/job/${first}`)).status).toBe('canceled');
    expect((await send<{ status: string }>('GET', `/job/${second}`)).status).toBe('waiting');
    await send('POST', `/job/${second}/cancel`);
  });

  it('counts on when it has found nothing yet, calls a part of the count so, and tells what was only told to stop', async () => {
    const id = await held('example:job');
    const asked = await answering('**/job/cancel', ({ dryRun = false, cursor = '0' }) =>
      dryRun
        ? { matched: cursor < '5' ? 0 : 7, changed: 0, executing: 0, more: true, next: `${+cursor + 1}` }
        : { matched: 40, changed: 40, executing: 2, more: false, next: null },
    );
    await open('/jobs?status=waiting');
    await page.getByRole('button', { name: 'Cancel all…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('None found yet').waitFor();
    expect(await dialog.getByRole('button', { name: 'Cancel all', exact: true }).isEnabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Count on' }).click();
    await dialog.getByText('At least 35 jobs').waitFor();
    expect(asked.flatMap(({ cursor = [] }) => cursor)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(String));
    await dialog.getByRole('button', { name: 'Cancel all (35 jobs or more)' }).click();
    await page.getByText('38 jobs canceled, 2 told to stop', { exact: true }).waitFor();
    await send('POST', `/job/${id}/cancel`);
  });

  it('leads from a failure spike to what failed in it alone', async () => {
    const spike = {
      code: 'failure_spike',
      severity: 'critical',
      queue: 'objects',
      name: null,
      workerId: null,
    };
    await answering('**/attention', () => ({
      items: [{ ...spike, title: 'Half of the jobs failed', detail: '', since: null }],
    }));
    await open('');
    await page.getByRole('link', { name: 'See what failed' }).click();
    const since = new URL(page.url()).searchParams.get('since') ?? '';
    const fiveMinutes = 5 * 60_000;
    expect(Date.parse(since)).toBeGreaterThan(Date.now() - fiveMinutes - 60_000);
    expect(Date.parse(since)).toBeLessThan(Date.now() - fiveMinutes + 60_000);
  });

  it('says that a part of it could not be loaded, reloads once by itself, and again when told to', async () => {
    let loads = 0;
    page.on('load', () => loads++);
    await open('');
    await page.route('**/assets/jobs-*', (route) => route.abort());
    const isReloaded = page.waitForEvent('load');
    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await isReloaded;
    await page.getByText('This part of the page could not be shown').waitFor();
    await page.getByRole('link', { name: 'Queues', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Queues' }).waitFor();
    await page.goBack();
    expect(loads).toBe(2);
    await page.unroute('**/assets/jobs-*');
    await page.getByRole('button', { name: 'Reload' }).click();
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
  });

  it('listens again after the stream of events was refused', async () => {
    await page.clock.install();
    await page.route('**/events?*', (route) => route.fulfill({ status: 503, body: 'restarting' }));
    const isRefused = page.waitForResponse(/events\?/);
    await open('/queues');
    await isRefused;
    await page.unroute('**/events?*');
    const isStreaming = page.waitForResponse(
      (response) => response.url().includes('/events?') && response.ok(),
    );
    // In steps: the refusal reaches the page some time after its answer.
    await Promise.race([
      isStreaming,
      expect.poll(() => page.clock.runFor(2_000).then(() => false), { timeout: 8_000 }).toBe(true),
    ]);
    await isStreaming;
  });

  it('shows the progress that an event tells without asking for the job', async () => {
    const id = await held('example:job');
    const job = { ...(await send<object>('GET', `/job/${id}`)), status: 'executing', run: 1 };
    let asked = 0;
    await page.route(`**/job/${id}`, (route) => {
      asked++;
      return route.fulfill({ json: job });
    });
    const step = (fraction: number): string =>
      `event: job\ndata: ${JSON.stringify({ id, status: 'executing', run: 1, progress: { fraction } })}\n\n`;
    let askedBefore = 0;
    await page.route('**/events?*', async (route) => {
      await page.getByText('executing', { exact: true }).first().waitFor();
      askedBefore = asked;
      const body = `retry: 600000\n\n${[0.1, 0.2, 0.3].map(step).join('')}`;
      await route.fulfill({ contentType: 'text/event-stream', body });
    });
    await open(`/jobs/${id}`);
    await page.getByRole('progressbar').waitFor();
    expect(await page.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('30');
    expect(asked).toBe(askedBefore);
    await send('POST', `/job/${id}/cancel`);
  });

  it('says that an act without an answer may be done, and does not do it twice', async () => {
    const id = await failedJob('once');
    await open(`/jobs/${id}`);
    await page.getByRole('button', { name: 'Retry with another payload' }).click();
    await page.route('**/job', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.getByRole('alert').getByText('It may have been done all the same').waitFor();
    await page.unroute('**/job');
    await page.getByRole('button', { name: 'Enqueue' }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(id));
    expect((await send<{ jobs: unknown[] }>('GET', '/job/all?objectId=once')).jobs).toHaveLength(2);
  });

  it('shows no figure and calls nothing well that it does not know of', async () => {
    await page.route('**/queue', (route) => route.abort());
    await answering('**/worker', () => ({ workers: [] }));
    await answering('**/attention', () => ({ items: [] }));
    await open('');
    await page.getByText('No worker is alive:').waitFor();
    await page.getByText('Nothing does.').waitFor();
    expect(await page.locator('.stat', { hasText: 'Waiting' }).innerText()).toMatch(/–$/);
    expect(await page.getByText('every job type has a worker').count()).toBe(0);
  });

  it('skips to the content by its first link, and stays on the page', async () => {
    await open('/queues');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    expect(new URL(page.url()).pathname).toBe('/dashboard/queues');
  });

  it('selects all jobs shown on a phone', async () => {
    const id = await held('example:job', 'for phones');
    await page.setViewportSize(PHONE);
    await open('/jobs?objectId=for+phones');
    await page.getByLabel('Select all jobs shown').click();
    await page.getByText('1 job chosen').waitFor();
    await send('POST', `/job/${id}/cancel`);
  });

  it('shows an id to be copied by hand where the browser lets no page copy', async () => {
    await page.addInitScript('delete Navigator.prototype.clipboard');
    const id = await failedJob('to copy');
    await open('/jobs?objectId=to+copy');
    await page.getByRole('button', { name: 'Copy id' }).click();
    expect(await page.getByRole('textbox', { name: 'Copy it by hand' }).inputValue()).toBe(id);
  });

  it('goes to the worker that a link names', async () => {
    const { workers } = await send<{ workers: { id: string }[] }>('GET', '/worker');
    const one = workers[0];
    const many = Array.from({ length: 12 }, (_, at) => ({ ...one, id: at === 9 ? one?.id : `other-${at}` }));
    await answering('**/worker', () => ({ workers: many }));
    await open(`/workers#${one?.id}`);
    const top = (): Promise<number> =>
      page.evaluate(`document.getElementById(${JSON.stringify(one?.id)}).getBoundingClientRect().top`);
    await expect.poll(top).toBeLessThan(DESKTOP.height / 2);
  });

  it('shows the times of a log as the reader’s clocks do, with the date where it changes', async () => {
    await context.close();
    context = await browser.newContext({ timezoneId: 'Asia/Tokyo', locale: 'en-GB' });
    page = await context.newPage();
    const id = await failedJob('logged');
    const line = { run: 1, message: 'one' };
    await answering('**/log', () => ({
      lines: [
        { ...line, line: 1, at: '2026-03-01T14:59:58.250Z' },
        { ...line, line: 2, at: '2026-03-01T15:00:01.500Z' },
      ],
    }));
    await open(`/jobs/${id}`);
    const log = page.getByRole('region', { name: 'Log lines' });
    await log.getByText('23:59:58.250').waitFor();
    await log.getByText('00:00:01.500').waitFor();
    expect(await log.getByText(/^\d+ Mar 2026$/).allInnerTexts()).toEqual(['1 Mar 2026', '2 Mar 2026']);
  });

  it('leaves a schedule paused that somebody paused while its form was open', async () => {
    await send('PUT', '/schedule/shared-work', {
      cron: '0 2 * * *',
      job: 'example:job',
      payload: { param: 'n' },
    });
    await open('/schedules/shared-work');
    await page.getByRole('button', { name: 'Change', exact: true }).click();
    const form = page.getByRole('dialog');
    await form.getByLabel('Cron').fill('0 3 * * *');
    await send('POST', '/schedule/shared-work/pause');
    await form.getByRole('button', { name: 'Change', exact: true }).click();
    await form.waitFor({ state: 'detached' });
    const known = await send<{ cron: string; paused: boolean }>('GET', '/schedule/shared-work');
    expect(known).toMatchObject({ cron: '0 3 * * *', paused: true });
    await send('DELETE', '/schedule/shared-work');
  });
});

describe('the dashboard of a server with tokens', () => {
  const secret = 'operate-secret-0123456789';
  let guarded: SamplesApp;
  beforeAll(async () => {
    guarded = await SamplesApp.boot({ api: { tokens: [`ops:operate:${secret}`] }, log: { level: 'error' } });
  });
  afterAll(() => guarded.close());

  it('asks for a token, says when it is wrong, and goes on where one was', async () => {
    await page.goto(`${guarded.url}/dashboard/workers`);
    await page.getByLabel('Token').fill('wrong-secret-0123456789');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('no token has that secret').waitFor();
    await page.getByLabel('Token').fill(secret);
    await page.screenshot({ path: join(SHOTS, 'sign-in.png') });
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1, name: 'Workers' }).waitFor();
    await page.getByText('slots busy').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
  });
});

describe('every page, in light and dark', () => {
  let places: Record<string, string>;
  let axe: string;

  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    const failed = await failedJob('order-7');
    const waiting = await enqueue({ name: 'example:job', payload: { param: 'later' }, delay: '1h' });
    const batch = await send<{ id: string }>('POST', '/batch', {
      name: 'example:job',
      items: [{ param: 'a' }],
      open: true,
    });
    await send('PUT', '/schedule/nightly', {
      cron: '0 2 * * *',
      job: 'example:job',
      payload: { param: 'n' },
    });
    await send('POST', '/queue/shared/pause');
    places = {
      overview: '',
      jobs: '/jobs',
      failed: `/jobs/${failed}`,
      waiting: `/jobs/${waiting}`,
      queues: '/queues',
      workers: '/workers',
      schedules: '/schedules',
      schedule: '/schedules/nightly',
      batches: '/batches',
      batch: `/batches/${batch.id}`,
    };
  });

  it('has no serious fault of access, and fits a phone', async () => {
    const faults: string[] = [];
    for (const [name, path] of Object.entries(places)) {
      await page.setViewportSize(DESKTOP);
      await open(path);
      await page.locator('[aria-busy]').first().waitFor({ state: 'detached' });
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor();
        // The dark page differs from the light one by its colours alone.
        const found = await faultsOf(page, axe, colorScheme === 'dark' ? ['color-contrast'] : undefined);
        faults.push(...found.map((fault) => `${name}, ${colorScheme}: ${fault}`));
        await page.screenshot({ path: join(SHOTS, `${name}-${colorScheme}.png`) });
      }
      await page.setViewportSize(PHONE);
      // The menu takes a moment to leave.
      const width = (): Promise<number> => page.evaluate<number>('document.documentElement.scrollWidth');
      await expect.poll(width, { message: `${name} on a phone` }).toBeLessThanOrEqual(PHONE.width);
      await page.screenshot({ path: join(SHOTS, `${name}-phone.png`), fullPage: true });
    }
    expect(faults).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds that keeps people out, as text. */
async function faultsOf(shown: Page, axe: string, rules?: readonly string[]): Promise<string[]> {
  // Evaluated, not added as a script: the page's policy allows no foreign one.
  await shown.evaluate(axe);
  const { violations } = await shown.evaluate<{ violations: readonly Violation[] }>(
    `axe.run(document, ${JSON.stringify({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) })})`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
}
