import { Counter, Gauge, type Registry } from 'prom-client';

/** What is read at scrape time, by connector; only of those that are configured. */
export interface PinFacts {
  /** Alerts so far, by connector and kind of change. */
  changes(): Iterable<{
    readonly connector: string;
    readonly change: string;
    readonly count: number;
  }>;
  pending(): Iterable<{ readonly connector: string; readonly count: number }>;
  oddTexts(): Iterable<{ readonly connector: string; readonly count: number }>;
}

/** The metrics of pins and of odd texts. */
export function createPinMetrics(registry: Registry, facts: PinFacts): void {
  const registers = [registry];
  // oxlint-disable-next-line no-new -- it lives in the registry
  new Counter({
    name: 'mcp_pins_changed_total',
    help: 'Tool definitions found to differ from what was approved.',
    labelNames: ['connector', 'change'],
    registers,
    collect() {
      this.reset();
      for (const { connector, change, count } of facts.changes()) {
        this.inc({ connector, change }, count);
      }
    },
  });
  const gauge = (name: string, help: string, read: PinFacts['pending']): Gauge<'connector'> =>
    new Gauge({
      name,
      help,
      labelNames: ['connector'],
      registers,
      collect() {
        this.reset();
        for (const { connector, count } of read()) this.set({ connector }, count);
      },
    });
  gauge('mcp_pins_pending', 'Tools that wait for approval.', () => facts.pending());
  gauge('mcp_text_flags', 'Texts of a server with something odd in them.', () => facts.oddTexts());
}
