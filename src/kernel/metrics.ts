/** What tells one value of a metric from its others; few values each, so never an id. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a metric at the moment it is read. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Of a distribution: the name with its suffix. */
  readonly metricName?: string;
}

/** A metric as it is shown to whoever scrapes. */
export interface Metric {
  /** In Prometheus' form, with its unit: `rookery_job_run_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labelNames: readonly string[];
  /** Called at a scrape; must not throw. */
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}

/** Something that is counted, or measured, for one set of labels. */
export interface Cell {
  value: number;
}

/** Values that only rise, or that come and go, kept where they happen: adding to one costs an addition. */
export class Counter implements Metric {
  readonly type = 'counter';
  private readonly cells = new Map<string, { readonly labels: Labels; readonly cell: Cell }>();

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labelNames: readonly string[],
  ) {}

  /** The cell of these label values, in the order of the label names; to be kept by whoever counts often. */
  of(...values: readonly string[]): Cell {
    const key = values.join('\u0000');
    let entry = this.cells.get(key);
    if (!entry) {
      entry = { labels: labelsOf(this.labelNames, values), cell: { value: 0 } };
      this.cells.set(key, entry);
    }
    return entry.cell;
  }

  read(): readonly Sample[] {
    return [...this.cells.values()].map(({ labels, cell }) => ({ labels, value: cell.value }));
  }
}

/** How values are spread over buckets; adding one costs some nanoseconds. */
export class Distribution implements Metric {
  readonly type = 'histogram';
  private readonly spreads = new Map<string, { readonly labels: Labels; readonly spread: Spread }>();

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labelNames: readonly string[],
    private readonly bounds: readonly number[],
  ) {}

  /** The spread of these label values, in the order of the label names; to be kept by whoever observes often. */
  of(...values: readonly string[]): Spread {
    const key = values.join('\u0000');
    let entry = this.spreads.get(key);
    if (!entry) {
      entry = { labels: labelsOf(this.labelNames, values), spread: new Spread(this.bounds) };
      this.spreads.set(key, entry);
    }
    return entry.spread;
  }

  read(): readonly Sample[] {
    return [...this.spreads.values()].flatMap(({ labels, spread }) => spread.samples(this.name, labels));
  }
}

/** The values observed for one set of labels. */
export class Spread {
  private readonly counts: Float64Array;
  private sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    this.sum += value;
  }

  /** In Prometheus' form: each bucket holds those below it too. */
  samples(name: string, labels: Labels): Sample[] {
    let count = 0;
    const buckets = [...this.counts].map((values, index) => {
      count += values;
      const le = String(this.bounds[index] ?? '+Inf');
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}

/** Where the parts of a process register what they measure; read by the metrics route. A name is registered once. */
export class Metrics {
  private readonly known = new Map<string, Metric>();

  /** The counter of that name; made the first time. */
  counter(name: string, help: string, ...labelNames: readonly string[]): Counter {
    return this.keep(name, () => new Counter(name, help, labelNames)) as Counter;
  }

  /** The distribution of that name; made the first time. `bounds` rise. */
  distribution(
    name: string,
    help: string,
    bounds: readonly number[],
    ...labelNames: readonly string[]
  ): Distribution {
    return this.keep(name, () => new Distribution(name, help, labelNames, bounds)) as Distribution;
  }

  /** A metric that is read where it is kept, with every scrape. */
  reading(metric: Metric): void {
    this.known.set(metric.name, metric);
  }

  /** A gauge, or with `type` a counter, without labels. */
  value(name: string, help: string, read: () => number, type: 'gauge' | 'counter' = 'gauge'): void {
    this.reading({ name, help, type, labelNames: [], read: () => [{ labels: {}, value: read() }] });
  }

  /** Every metric, by name. */
  get all(): readonly Metric[] {
    return [...this.known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private keep(name: string, make: () => Metric): Metric {
    const metric = this.known.get(name) ?? make();
    this.known.set(name, metric);
    return metric;
  }
}

function labelsOf(names: readonly string[], values: readonly string[]): Labels {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}
