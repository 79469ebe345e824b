/**
 * OpenTelemetry by its API alone. Whoever runs the process registers an SDK, or does not: without one nothing here makes a span or an object.
 *
 * The names and attributes follow the semantic conventions for messaging: `send` where a job is enqueued, `process` where it runs. A
 * run is a child of the span that enqueued its job, not a new trace with a link to it: a job is one message, and whoever follows a request
 * wants its jobs in the same picture. A job's later attempts are children of the same span.
 */
import {
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  isSpanContextValid,
  propagation,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';

/** Names the maker of these spans to the SDK. */
const TRACER = 'rookery';

/** A W3C traceparent of the only version there is. */
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** What is told of an error. */
export interface TracedError {
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** The tracer, if an SDK is there to make spans. */
function tracerOf(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  if (!(provider instanceof ProxyTracerProvider)) return provider.getTracer(TRACER);
  return provider.getDelegateTracer(TRACER);
}

/** The traceparent of what is going on now, to be carried along; undefined where nobody traces. */
export function activeTraceparent(): string | undefined {
  const span = trace.getActiveSpan();
  return span && traceparentOf(span.spanContext());
}

/** Calls `work` within the trace that a request's headers name, unless it is within one already; as it is where nobody traces. */
export function withinTraceOf<Result>(headers: object, work: () => Result): Result {
  if (!tracerOf() || trace.getActiveSpan()) return work();
  return context.with(propagation.extract(context.active(), headers), work);
}

/** Does an enqueue to a queue, or to several, as a span whose trace the jobs prepared meanwhile carry. `told` are attributes of what came of it. */
export async function asSend<Result>(
  queue: string | undefined,
  attributes: Attributes,
  work: () => Promise<Result>,
  told: (result: Result) => Attributes,
): Promise<Result> {
  const tracer = tracerOf();
  if (!tracer) return work();
  const span = tracer.startSpan(queue === undefined ? 'send' : `send ${queue}`, {
    kind: SpanKind.PRODUCER,
    attributes: { ...messaging(queue, 'send'), ...attributes },
  });
  try {
    const result = await context.with(trace.setSpan(context.active(), span), work);
    span.setAttributes(told(result));
    return result;
  } catch (error) {
    if (error instanceof Error) fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** The span of one run. */
export class RunSpan {
  private readonly context: Context;

  private constructor(private readonly span: Span) {
    this.context = trace.setSpan(ROOT_CONTEXT, span);
  }

  /** Begins the span of a run as a child of the traceparent its job carries; undefined where nobody traces. */
  static begin(queue: string, carried: string | null, attributes: () => Attributes): RunSpan | undefined {
    const tracer = tracerOf();
    if (!tracer) return undefined;
    const options = {
      kind: SpanKind.CONSUMER,
      attributes: { ...messaging(queue, 'process'), ...attributes() },
    };
    return new RunSpan(tracer.startSpan(`process ${queue}`, options, parentOf(carried)));
  }

  /** Calls `work` as part of the run. */
  within<Result>(work: () => Result): Result {
    return context.with(this.context, work);
  }

  end(attributes: Attributes, error: TracedError | undefined): void {
    this.span.setAttributes(attributes);
    if (error) fail(this.span, error);
    this.span.end();
  }
}

function messaging(queue: string | undefined, type: 'send' | 'process'): Attributes {
  return {
    'messaging.system': 'rookery',
    ...(queue !== undefined && { 'messaging.destination.name': queue }),
    'messaging.operation.name': type,
    'messaging.operation.type': type,
  };
}

function fail(span: Span, error: TracedError): void {
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

function traceparentOf(spanContext: SpanContext): string | undefined {
  if (!isSpanContextValid(spanContext)) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function parentOf(carried: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(carried ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, spanContext);
}
