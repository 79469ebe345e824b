import { Get, Header, Inject, Res } from '@nestjs/common';
import { Registry } from 'prom-client';
import { Metrics, type Metric } from '../../kernel/metrics.js';
import { Needs } from '../access/index.js';
import { Answer, Describes, RestController } from '../job/index.js';
import { processRegistry } from './process-registry.js';

/** What Prometheus' library asks of a metric. */
interface Registered {
  readonly name: string;
  get(): Promise<object>;
}

/** Everything this process measures, and what Node tells of it, in Prometheus' text form. */
@RestController('metrics')
export class MetricsController {
  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    private readonly answer: Answer,
  ) {}

  @Get()
  @Needs('read')
  @Describes({
    tag: 'status',
    summary: 'What this process measures',
    about: 'For Prometheus, in its text form.',
    answers: { 200: { about: 'The metrics', mediaType: 'text/plain' } },
    readsDatabase: false,
  })
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  async read(@Res({ passthrough: true }) response: unknown): Promise<string> {
    const registry = new Registry();
    for (const metric of this.metrics.all) registry.registerMetric(asRegistered(metric) as never);
    this.answer.status(response, 200);
    return `${await registry.metrics()}${await processRegistry().metrics()}`;
  }
}

/** The library writes the text; the values are read where they are kept. */
function asRegistered(metric: Metric): Registered {
  const { name, help, type } = metric;
  return { name, get: async () => ({ name, help, type, aggregator: 'sum', values: await metric.read() }) };
}
