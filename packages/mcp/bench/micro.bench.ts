import { do_not_optimize, measure } from 'mitata';
import { microSubjects } from './lib/micro-subjects.ts';
import type { Bench, BenchOptions, BenchResult, Reading } from './lib/report.ts';

/** As a comparison of records allows at most. */
const MAX_NOISE = 0.25;

function shownNs(ns: number): string {
  if (ns < 1_000) return `${ns.toFixed(0)} ns`;
  return ns < 1_000_000 ? `${(ns / 1_000).toFixed(1)} µs` : `${(ns / 1_000_000).toFixed(2)} ms`;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const readings: Record<string, Reading> = {};
  const rows: string[][] = [];
  const subjects = quick ? microSubjects().slice(0, 2) : microSubjects();
  for (const { name, work } of subjects) {
    const pace = quick ? { min_cpu_time: 1e6, min_samples: 2 } : { min_cpu_time: 400e6 };
    const { min, p50, p75, p99, samples } = await measure(() => do_not_optimize(work()), pace);
    // Thousands of runs in one process say little of the next process: half of what lies between the fastest and p75.
    const noise = Math.min(MAX_NOISE, (p75 - min) / 2 / p50);
    readings[name] = { median: p50, min, max: p75, samples: samples.length, unit: 'ns', noise };
    rows.push([name, shownNs(p50), shownNs(min), shownNs(p75), shownNs(p99)]);
  }
  return {
    method:
      'In one process, with mitata. `parseMessage` is the strict reading of a request, `nestsDeeper` and `objectMembers` are ' +
      'parts of it, beside a plain JSON.parse; `afterValue` finds the end of a large value in the bytes of a body, in JavaScript ' +
      'or WebAssembly; `AnswerScan` is what is read of an answer that passes through.',
    tables: [{ title: 'small work', headings: ['what', 'median', 'lowest', 'p75', 'p99'], rows }],
    targets: [],
    readings,
  };
}

/** The small work that every message or rebuild consists of. */
export const micro: Bench = { name: 'micro', run };
