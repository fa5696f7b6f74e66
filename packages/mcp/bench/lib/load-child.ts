// The other side of steady.bench.ts: makes the load, away from the process that is measured.
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadAnswer, LoadCommand } from './load-protocol.ts';
import { createBenchClient } from './mcp-client.ts';
import { quantile } from './report.ts';

class Load {
  readonly latencies: number[] = [];
  failed = 0;
  readonly #command: LoadCommand;
  readonly #client;
  #next = 0;

  constructor(command: LoadCommand) {
    this.#command = command;
    this.#client = createBenchClient(command.connections);
  }

  async run(): Promise<LoadAnswer> {
    const startedAt = performance.now();
    const { shape } = this.#command;
    await (shape.kind === 'open' ? this.#open(shape.perSecond) : this.#closed(shape.inFlight));
    const seconds = (performance.now() - startedAt) / 1_000;
    await this.#client.close();
    const { latencies, failed } = this;
    return {
      calls: latencies.length,
      failed,
      p50: quantile(latencies, 0.5),
      p95: quantile(latencies, 0.95),
      p99: quantile(latencies, 0.99),
      max: quantile(latencies, 1),
      perSecond: latencies.length / seconds,
    };
  }

  /** A call that could not be made in time counts from when it was due: waiting is latency too. */
  async #open(perSecond: number): Promise<void> {
    const startedAt = performance.now();
    const total = Math.floor((this.#command.durationMs / 1_000) * perSecond);
    const calls: Promise<void>[] = [];
    for (let made = 0; made < total;) {
      const due = Math.min(
        total,
        Math.floor(((performance.now() - startedAt) / 1_000) * perSecond),
      );
      for (; made < due; made += 1) {
        calls.push(this.#call(startedAt + (made / perSecond) * 1_000));
      }
      await delay(1);
    }
    await Promise.all(calls);
  }

  async #closed(inFlight: number): Promise<void> {
    const endsAt = performance.now() + this.#command.durationMs;
    const one = async (): Promise<void> => {
      while (performance.now() < endsAt) await this.#call(performance.now());
    };
    await Promise.all(Array.from({ length: inFlight }, one));
  }

  async #call(dueAt: number): Promise<void> {
    const { targets } = this.#command;
    const target = targets[this.#next++ % targets.length];
    if (target === undefined) return;
    try {
      const text = await this.#client.send(target.url, target.call);
      if (text.includes('"error"')) this.failed += 1;
    } catch {
      // Counted, and reported as a figure.
      this.failed += 1;
    }
    this.latencies.push(performance.now() - dueAt);
  }
}

process.on('message', (command: LoadCommand) => {
  void new Load(command).run().then((answer) => process.connected && process.send?.(answer));
});
process.on('disconnect', () => process.exit());
