import { Counter, Gauge, type Registry } from 'prom-client';

/** How requests fared at the gate. */
const OUTCOMES = ['admitted', 'missing', 'wrong', 'forbidden', 'limited', 'unavailable'] as const;

/**
 * Declares `mcp_auth_…`.
 * @param keys those that let somebody in now, read at scrape time.
 * @returns counts a request.
 */
export function createAuthMetrics(
  registry: Registry,
  keys: () => number,
): (outcome: (typeof OUTCOMES)[number]) => void {
  const requests: Counter<'outcome'> = new Counter({
    name: 'mcp_auth_requests_total',
    help: 'Requests by how they were let in or refused.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  for (const outcome of OUTCOMES) requests.inc({ outcome }, 0);
  const gauge: Gauge = new Gauge({
    name: 'mcp_auth_keys',
    help: 'Keys of the keys file that let somebody in.',
    registers: [],
    collect() {
      this.set(keys());
    },
  });
  registry.registerMetric(gauge);
  return (outcome) => requests.inc({ outcome });
}
