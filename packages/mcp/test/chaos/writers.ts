import { Agent, request } from 'undici';
import type { Findings } from './findings.ts';
import type { GatewayProcess } from './gateway-process.ts';

export const REGISTRY_KEY = 'chaos-registry-key-0123456789';
/** Between two writes. */
const PAUSE_MS = 20;

/** Publishes one server after the other and remembers which were acknowledged. */
export class ChaosWriter {
  readonly #gateway: GatewayProcess;
  readonly #findings: Findings;
  readonly #agent = new Agent({ connections: 1, bodyTimeout: 15_000, headersTimeout: 15_000 });
  readonly acknowledged = new Set<string>();
  #count = 0;

  constructor(gateway: GatewayProcess, findings: Findings) {
    this.#gateway = gateway;
    this.#findings = findings;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#write();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** What was acknowledged must be there, whatever happened since. */
  async verify(): Promise<void> {
    const present = new Set<string>();
    let cursor: string | undefined;
    do {
      const query = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await request(`${this.#gateway.origin}/v0.1/servers?limit=100${query}`, {
        dispatcher: this.#agent,
      });
      const page = (await body.json()) as {
        servers: { server: { name: string } }[];
        metadata: { nextCursor?: string };
      };
      for (const { server } of page.servers) present.add(server.name);
      cursor = page.metadata.nextCursor;
    } while (cursor !== undefined);
    for (const name of this.acknowledged) {
      if (!present.has(name)) this.#findings.add('lost-write', name);
    }
    await this.#agent.close();
  }

  async #write(): Promise<void> {
    this.#count += 1;
    const name = `test.chaos/server-${this.#count}`;
    const startedAtMs = performance.now();
    try {
      const { statusCode, body } = await request(`${this.#gateway.origin}/v0.1/publish`, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${REGISTRY_KEY}` },
        body: JSON.stringify({
          $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
          name,
          description: 'written while things break',
          version: '1.0.0',
        }),
      });
      const text = await body.text();
      if (statusCode >= 200 && statusCode < 300) {
        this.acknowledged.add(name);
        this.#findings.tally.writes += 1;
      } else if (statusCode < 500) {
        this.#findings.add('unexplained-error', `publish: ${statusCode} ${text.slice(0, 200)}`);
      } else this.#findings.explained(`publish ${statusCode}`);
    } catch (error) {
      if (this.#gateway.wasAwaySince(startedAtMs)) this.#findings.explained('gateway away');
      else this.#findings.add('unexplained-error', `publish: ${String(error)}`);
    }
  }
}
