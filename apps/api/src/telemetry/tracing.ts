export interface TracingConfig {
  /** Of a collector that speaks OTLP over HTTP, without `/v1/traces`. */
  endpoint: string;
  serviceName: string;
  /** Of the traces that begin here, how many are recorded; those that began elsewhere say so themselves. */
  share: number;
}

/** A customer's text is none: these leave the house. */
export type Attributes = Record<string, string | number | boolean | undefined>;

export interface SpanOptions {
  /** A W3C `traceparent`. Without it the span is below the one at hand, if there is one. */
  parent?: string | undefined;
  kind?: "server" | "client";
  startedAt?: Date;
  attributes?: Attributes;
}

export interface Span {
  /** All that happens in `work` is below this span. */
  run<T>(work: () => T): T;
  /** @param failed what went wrong, in a word */
  end(attributes?: Attributes, failed?: string): void;
}

export interface Tracing {
  readonly isOn: boolean;
  begin(name: string, options?: SpanOptions): Span;
  /** What was over before anybody could tell: a wait. */
  record(name: string, startedAt: Date, endedAt: Date, options?: SpanOptions): void;
  /** Tells more of the span at hand. */
  note(attributes: Attributes, failed?: string): void;
  /** The W3C `traceparent` of the span at hand. */
  traceparent(): string | undefined;
  /** Whether there is a span at hand. */
  isWithin(): boolean;
  /** Sends what was not sent yet. */
  stop(): Promise<void>;
}

const NO_SPAN: Span = { run: (work) => work(), end: () => {} };

export const NO_TRACING: Tracing = {
  isOn: false,
  begin: () => NO_SPAN,
  record: () => {},
  note: () => {},
  traceparent: () => undefined,
  isWithin: () => false,
  stop: async () => {},
};

/** Does `work` within a span of its own. */
export async function inSpan<T>(
  tracing: Tracing,
  name: string,
  options: SpanOptions,
  work: () => Promise<T>,
): Promise<T> {
  const span = tracing.begin(name, options);
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (error) {
    span.end({}, error instanceof Error ? error.name : "error");
    throw error;
  }
}
