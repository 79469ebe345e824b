import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Metrics } from '../../src/kernel/metrics.js';
import { processRegistry } from '../../src/modules/status/process-registry.js';
import { eventually } from '../support/eventually.js';
import { SamplesApp } from '../support/samples-app.js';

const DOCS = join(import.meta.dirname, '../../docs');

let scene: SamplesApp;

beforeAll(async () => {
  scene = await SamplesApp.boot();
});
afterAll(() => scene.close());

/** The scrape, by name and labels. */
async function scrape(): Promise<Map<string, number>> {
  const response = await fetch(`${scene.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

describe('GET /metrics', () => {
  it('counts what was enqueued, claimed and settled, how long it took, and how many rode together', async () => {
    const jobs = Array.from({ length: 20 }, (_, n) => ({ name: 'example:job', payload: { param: `${n}` } }));
    await scene.send('POST', '/job/bulk', jobs);
    // In bulk too: a single job may be stored as claimed, and would need neither ticket nor claim.
    await scene.send('POST', '/job/bulk', [
      { name: 'http:request', payload: { url: 'http://127.0.0.1:1/' } },
    ]);
    const example = 'queue="example-job",name="example:job"';
    const values = await eventually(async () => {
      const found = await scrape();
      const failed = found.get(
        `rookery_jobs_settled_total{queue="http-request",name="http:request",outcome="failed"}`,
      );
      return (
        found.get(`rookery_jobs_settled_total{${example},outcome="succeeded"}`) === 20 &&
        failed === 1 &&
        found
      );
    });
    expect(values.get(`rookery_jobs_enqueued_total{${example}}`)).toBe(20);
    expect(values.get(`rookery_jobs_claimed_total{${example}}`)).toBe(20);
    expect(values.get(`rookery_jobs_finished_total{${example},status="done"}`)).toBe(20);
    expect(values.get(`rookery_job_run_seconds_count{${example}}`)).toBe(20);
    expect(values.get(`rookery_job_wait_seconds_count{${example}}`)).toBe(20);
    expect(values.get('rookery_batch_items_sum{statement="settle"}')).toBe(21);
    expect(values.get('rookery_batch_items_sum{statement="bulk enqueue"}')).toBe(21);
    expect(values.get('rookery_batch_items_sum{statement="claim"}')).toBe(21);
    expect(values.get('rookery_tickets_total{event="offered"}')).toBe(21);
    expect(values.get('rookery_database_up')).toBe(1);
    expect(values.get('rookery_lease_held')).toBe(1);
    expect(values.get('rookery_duty_held{duty="auditor"}')).toBe(1);
    expect(values.get('rookery_slots{queue="example-job",kind="fresh",state="free"}')).toBe(10);
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  });

  it('counts the job that a batch enqueues by being complete', async () => {
    const batch = {
      name: 'example:job',
      items: [{ param: 'member' }],
      onComplete: { name: 'deals:report' },
    };
    expect(await scene.send('POST', '/batch', batch)).toMatchObject({ status: 201 });
    const counter = 'rookery_jobs_enqueued_total{queue="applicant",name="deals:report"}';
    const counted = async (): Promise<boolean> => (await scrape()).get(counter) === 1;
    expect(await eventually(counted)).toBe(true);
  });

  it('counts requests by route template and class of the status, and paths without a route under one name', async () => {
    const id = '01890000-0000-7000-8000-00000000beef';
    await scene.send('GET', `/job/${id}`);
    await scene.send('GET', '/no/such/path');
    const values = await scrape();
    const route = (route: string): number | undefined =>
      values.get(`rookery_http_requests_total{method="GET",route="${route}",status="4xx"}`);
    expect([route('/job/:id'), route('other')]).toEqual([1, 1]);
    expect([...values.keys()].filter((name) => name.includes(id))).toEqual([]);
    expect(values.get('rookery_http_request_seconds_count{method="GET",route="/job/:id"}')).toBe(1);
  });

  it('tells how the process is, from its statements to its garbage', async () => {
    const values = await scrape();
    expect(values.get('rookery_process_info{entry="all"}')).toBe(1);
    expect(values.get('rookery_transport_up{transport="in-process"}')).toBe(1);
    expect(values.get('rookery_statement_seconds_count{connection="settle"}')).toBeGreaterThan(0);
    expect(values.get('rookery_pool_sessions{pool="reads",state="waiting"}')).toBe(0);
    expect(values.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
    expect(values.get('process_cpu_seconds_total')).toBeGreaterThan(0);
  });

  it('tells how much every queue holds', async () => {
    await scene.send('POST', '/queue/objects/pause');
    await scene.send('POST', '/job', { name: 'object', payload: { object_id: 'waits' } });
    const values = await eventually(async () => {
      const found = await scrape();
      return found.get('rookery_queue_jobs{queue="objects",state="waiting"}') === 1 && found;
    });
    expect(values.get('rookery_queue_paused{queue="objects"}')).toBe(1);
    expect(values.get('rookery_queue_oldest_waiting_seconds{queue="objects"}')).toBeGreaterThanOrEqual(0);
  });
});

describe('what is written of metrics', () => {
  const names = (): string[] => scene.app.get(Metrics, { strict: false }).all.map(({ name }) => name);

  it('docs/metrics.md lists each, with its type and labels', () => {
    const page = readFileSync(join(DOCS, 'metrics.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([a-z_]+)` +\| (\w+) +\| ([^|]*?) *\|/gm)];
    const told = rows.map(([, name = '', type = '', labels = '']) => [
      name,
      type,
      labels.replaceAll('`', ''),
    ]);
    const real = scene.app
      .get(Metrics, { strict: false })
      .all.map(({ name, type, labelNames }) => [name, type, labelNames.join(', ')]);
    expect(told.sort()).toEqual(real.sort());
  });

  it('the dashboard and the alerts ask for none that is not there', () => {
    const known = new Set([
      ...names(),
      ...processRegistry()
        .getMetricsAsArray()
        .map(({ name }) => name),
    ]);
    for (const file of ['grafana-dashboard.json', 'prometheus-alerts.yml']) {
      const text = readFileSync(join(DOCS, file), 'utf8');
      const used = [...text.matchAll(/\b(?:rookery|process|nodejs)_[a-z0-9_]+/g)].map(([name]) =>
        name.replace(/_(bucket|sum|count)$/, ''),
      );
      expect(used.length).toBeGreaterThan(5);
      expect(
        used.filter((name) => !known.has(name)),
        file,
      ).toEqual([]);
    }
  });
});
