import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { withinTraceOf } from '../../src/kernel/tracing.js';
import { defineJob } from '../../src/modules/job/index.js';
import { eventually } from '../support/eventually.js';
import { handlerOf } from '../support/handlers.js';
import { RestApp } from '../support/rest-app.js';
import { rookeryScene } from '../support/rookery-app.js';

const scene = rookeryScene();
const Parent = defineJob({
  name: 'traced',
  queue: 'traces',
  payload: z.object({ fails: z.number().default(0) }),
  maxAttempts: 2,
  backoff: { initial: '10ms', jitter: 'none' },
});
const Child = defineJob({ name: 'traced:child', queue: 'traces', payload: z.object({}) });

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN_ID = '00f067aa0ba902b7';
const traceparent = `00-${TRACE_ID}-${CALLER_SPAN_ID}-01`;

const parent = handlerOf(Parent, async ({ fails }, ctx) => {
  if (ctx.attempt <= fails) throw new Error('not yet');
  await ctx.enqueue(Child, {});
});
const handlers = [parent, handlerOf(Child, () => undefined)];

const traceOf = async (id: string): Promise<string | null> =>
  (await scene.query<{ trace: string | null }>('SELECT trace FROM job WHERE id = $1', [id]))[0]?.trace ??
  null;

describe('with an SDK of OpenTelemetry', () => {
  let exporter: InMemorySpanExporter;

  beforeEach(() => {
    exporter = new InMemorySpanExporter();
    trace.setGlobalTracerProvider(
      new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
    );
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  afterEach(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });

  const spans = (name: string, count: number): Promise<ReadableSpan[]> =>
    eventually(() => {
      const found = exporter.getFinishedSpans().filter((span) => span.name === name);
      if (found.length < count) throw new Error(`${found.length} spans ${name}, not ${count}`);
      return found;
    });

  it('goes on with the trace of a request through the job to its children', async () => {
    const { jobs } = await scene.start({ handlers });
    const { id } = await withinTraceOf({ traceparent }, () => jobs.enqueue(Parent, {}));
    const runs = await spans('process traces', 2);
    const [send] = await spans('send traces', 1);
    expect(send).toMatchObject({
      kind: SpanKind.PRODUCER,
      parentSpanContext: { spanId: CALLER_SPAN_ID },
      attributes: {
        'messaging.system': 'rookery',
        'messaging.destination.name': 'traces',
        'messaging.operation.type': 'send',
        'messaging.message.id': id,
        'job.name': 'traced',
      },
    });
    const run = runs.find((span) => span.attributes['job.id'] === id);
    const child = runs.find((span) => span.attributes['job.id'] !== id);
    expect(run).toMatchObject({
      kind: SpanKind.CONSUMER,
      parentSpanContext: { spanId: send?.spanContext().spanId },
      attributes: {
        'messaging.operation.type': 'process',
        'job.name': 'traced',
        'job.run': 1,
        'job.attempt': 1,
        'job.outcome': 'succeeded',
      },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(child?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId);
    expect(new Set([send, ...runs].map((span) => span?.spanContext().traceId))).toEqual(new Set([TRACE_ID]));
    expect(await traceOf(id)).toBe(`00-${TRACE_ID}-${send?.spanContext().spanId}-01`);
  });

  it('has a span for each run, and the error of the one that failed', async () => {
    const { jobs } = await scene.start({ handlers });
    const { id } = await jobs.enqueue(Parent, { fails: 1 });
    const [first, second] = (await spans('process traces', 3)).filter(
      (span) => span.attributes['job.id'] === id,
    );
    expect(first).toMatchObject({
      attributes: { 'job.attempt': 1, 'job.outcome': 'failed' },
      status: { code: SpanStatusCode.ERROR, message: 'not yet' },
      events: [{ name: 'exception', attributes: { 'exception.message': 'not yet' } }],
    });
    expect(second?.attributes).toMatchObject({ 'job.attempt': 2, 'job.outcome': 'succeeded' });
    expect(second?.parentSpanContext).toEqual(first?.parentSpanContext);
  });

  it('makes the spans of a handler, and what it enqueues by itself, part of its run', async () => {
    const tracer = trace.getTracer('a-handler');
    const { jobs } = await scene.start({
      handlers: [handlerOf(Parent, () => tracer.startSpan('own work').end())],
    });
    await jobs.enqueue(Parent, {});
    const [run] = await spans('process traces', 1);
    const [own] = await spans('own work', 1);
    expect(own?.parentSpanContext?.spanId).toBe(run?.spanContext().spanId);
  });

  it('stores jobs of several traces and of none in one statement, each with its own', async () => {
    const { jobs } = await scene.start({ types: [Parent], hasWorker: false });
    const within = (id: string) =>
      withinTraceOf({ traceparent: traceparent.replace(TRACE_ID, id) }, () => jobs.enqueue(Parent, {}));
    const [one, other] = ['a', 'b'].map((letter) => letter.repeat(32));
    const [first, second] = await Promise.all([within(one ?? ''), within(other ?? '')]);
    expect(await traceOf(first.id)).toContain(one);
    expect(await traceOf(second.id)).toContain(other);
    const ids = await jobs.enqueueMany(Parent, [{ payload: {} }, { payload: {} }]);
    const carried = new Set(await Promise.all(ids.map(traceOf)));
    expect([...carried]).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)]);
    const [bulk] = (await spans('send traces', 3)).filter(
      (span) => span.attributes['messaging.batch.message_count'] === 2,
    );
    expect([...carried][0]).toContain(bulk?.spanContext().spanId);
  });

  it('takes the traceparent of a POST /job and of a bulk, and leaves what is none', async () => {
    const rest = await RestApp.boot();
    try {
      const headers = { traceparent };
      const { body } = await rest.post('/job', { name: 'paint', payload: {} }, headers);
      const bulk = await rest.post('/job/bulk', [{ name: 'paint', payload: {} }], headers);
      await rest.post('/job', { name: 'paint', payload: {} }, { traceparent: 'nonsense' });
      const rows = await rest.database.query<{ id: string; trace: string }>('SELECT id, trace FROM job');
      const isCarried = new Map(rows.map((row) => [row.id, row.trace.includes(TRACE_ID)]));
      expect([body['id'], ...(bulk.body['ids'] as string[])].map((id) => isCarried.get(String(id)))).toEqual([
        true,
        true,
      ]);
      expect([...isCarried.values()].filter((carried) => !carried)).toHaveLength(1);
    } finally {
      await rest.close();
    }
  });
});

describe('without an SDK', () => {
  it('stores and makes nothing, whatever a caller sends', async () => {
    const { jobs } = await scene.start({ handlers });
    const { id } = await withinTraceOf({ traceparent }, () => jobs.enqueue(Parent, {}));
    await scene.reaches(id, 'done');
    expect(await traceOf(id)).toBeNull();
    expect(context.active()).toBe(ROOT_CONTEXT);
  });

  it('passes the trace that a job carries on to its children', async () => {
    const { jobs } = await scene.start({ handlers });
    const { id } = await jobs.enqueue(Parent, {}, { delay: '200ms' });
    await scene.query('UPDATE job SET trace = $2 WHERE id = $1', [id, traceparent]);
    await scene.reaches(id, 'done');
    const children = await scene.query(`SELECT id FROM job WHERE name = 'traced:child' AND trace = $1`, [
      traceparent,
    ]);
    expect(children).toHaveLength(1);
  });
});
