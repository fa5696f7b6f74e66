import { Counter, type Registry } from 'prom-client';

/** What an audit log says of itself. */
export interface AuditFacts {
  readonly taken: number;
  readonly lost: number;
}

/** The metrics of the audit log, read at scrape time. */
export function createAuditMetrics(registry: Registry, facts: AuditFacts): void {
  const counter = (name: string, help: string, read: () => number): void => {
    let counted = 0;
    // oxlint-disable-next-line no-new -- it lives in the registry
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        const now = read();
        this.inc(now - counted);
        counted = now;
      },
    });
  };
  counter(
    'mcp_audit_records_total',
    'Records of the audit log, those that were lost included.',
    () => facts.taken,
  );
  counter(
    'mcp_audit_lost_total',
    'Records of the audit log that were lost because it could not be written.',
    () => facts.lost,
  );
}
