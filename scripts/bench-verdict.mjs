/** Judges one record of benches by another, and by the budgets. Pure: data in, data out. */

/** Who ours are compared with in the same row: a ratio to one of these holds on any machine. */
const references = ['proxy', 'relay', 'node:http', 'defaults', 'no sessions'];
/** What is ours in a row of several candidates; everybody else's figures are no regression of ours. */
const ours = /^(?<row>.*)\.ours\.(?<figure>[\w]+)$/u;
/** Rows of candidates that are not ours. */
const foreign =
  /\.(?:proxy|proxy, piped|relay|direct|nginx|sdk|base|node:http|mcp-hub|mcporter)\.\w+$/u;
/** Figures that say how good something is. The tails of short runs and the memory of one moment say too little. */
const judged =
  /(?:\.(?:cpuUs|cpuUsPerCall|p50Us|p50Ms|p95Ms|allMs|wallMs|cpuMs|perSecond|roundTrips|rssBytesPerSession|failed)|^(?!.*\.).*)$/u;
const higherIsBetter = /\.perSecond$/u;
/** More noise than this and nothing can be said. */
const maxNoise = 1;

/** Half of the range, as a share of the median. */
function noiseOf({ median, min, max }) {
  return median > 0 ? (max - min) / 2 / median : 0;
}

/** A reading in terms of the reference in its row, where there is one. */
function normalised(name, reading, readings) {
  const found = ours.exec(name)?.groups;
  if (found === undefined || !/^(?:cpuUs|p50Us|perSecond)$/u.test(found.figure)) return reading;
  for (const reference of references) {
    const base = readings[`${found.row}.${reference}.${found.figure}`];
    if (base === undefined || !(base.median > 0)) continue;
    const by = (value) => value / base.median;
    return {
      ...reading,
      median: by(reading.median),
      min: by(reading.min),
      max: by(reading.max),
      unit: `× ${reference}`,
      noise: noiseOf(reading) + noiseOf(base),
    };
  }
  return reading;
}

function judge(name, before, after, threshold) {
  const noise = Math.min(
    maxNoise,
    Math.max(before.noise ?? noiseOf(before), after.noise ?? noiseOf(after)),
  );
  const shared = { name, before: before.median, after: after.median, unit: after.unit, noise };
  if (before.median === 0) {
    const worse = after.median > 0 && name.endsWith('.failed');
    return { ...shared, change: 0, verdict: worse ? 'worse' : 'same' };
  }
  const raw = after.median / before.median - 1;
  const change = higherIsBetter.test(name) ? before.median / after.median - 1 : raw;
  const bound = threshold + noise;
  const verdict = change > bound ? 'worse' : change < -bound ? 'better' : 'same';
  return { ...shared, change, verdict };
}

/** Every judged figure that both records have. `change` is positive when it got worse. */
export function compareRecords(baseline, record, threshold) {
  const compared = [];
  for (const [bench, result] of Object.entries(record.results)) {
    const before = baseline.results[bench]?.readings ?? {};
    const after = result.readings ?? {};
    for (const [name, reading] of Object.entries(after)) {
      if (before[name] === undefined || foreign.test(name) || !judged.test(name)) continue;
      const [old, now] = [normalised(name, before[name], before), normalised(name, reading, after)];
      // A reference that only one of them has makes two different things of it.
      if (old.unit !== now.unit) continue;
      compared.push(judge(`${bench}: ${name}`, old, now, threshold));
    }
  }
  return compared;
}

/** Figures of the bench `budget` that are over their limit. */
export function overBudget(record, { limits }) {
  const readings = record.results.budget?.readings ?? {};
  return Object.entries(limits).flatMap(([what, figures]) =>
    Object.entries(figures).flatMap(([figure, limit]) => {
      const measured = readings[`${what}.${figure}`]?.median;
      if (measured === undefined || measured <= limit) return [];
      return [{ name: `${what}, ${figure.replace('Ms', '')}`, limit, measured }];
    }),
  );
}
