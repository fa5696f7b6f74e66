/** Judges one record of benches by another, by its own targets, and by the budgets. Pure: data in, data out. */

/** Who ours are compared with in the same row of a record without ratios. */
const references = ['proxy', 'relay', 'node:http', 'defaults', 'no sessions'];
/** What is ours in a row of several candidates; everybody else's figures are no regression of ours. */
const ours = /^(?<row>.*)\.ours\.(?<figure>[\w]+)$/u;
/** Figures of others: candidates, the earlier design, the bare machine. */
const foreign =
  /\.(?:proxy|proxy, piped|relay|direct|nginx|sdk|base|node:http|mcp-hub|mcporter)\.\w+$|, direct\.\w+$|earlier design|^(?:node:http, |nodeCpuMs$)/u;
/** The tails of short runs, the memory of one moment, what others or the load did: they say too little of a cost. */
const unjudged =
  /\.(?:p95Us|p99Us|p99|max|maxMs|gcUs|stallMs|foreignCores|loadCpuUs|loadCores|sharedCores|rssMb|rssBytes|startListMs|othersMs|wholeListMs|errorMs|backMs)$|loop stall|garbage collections/u;
const higherIsBetter = /(?:\.perSecond|\.gain)$/u;

/** Of figures that were taken once. */
const unknownNoise = 0.1;
/** More noise than this is not believed: what moves further is judged all the same. */
const maxNoise = 0.25;
/**
 * Standard errors of the difference of two medians that are taken for noise. The threshold comes on top, so that some hundred
 * figures that did not change stay within both, and a fifth more is found where rounds move by some hundredths.
 */
const errors = 1.5;
/** Standard error of the median, from the range of the middle half: 1.2533 σ/√n, and that range is 1.349 σ. */
const errorOfMedian = 1.2533 / 1.349;

/**
 * The standard error of a median as a share of it; undefined where the record has no quartiles. Few rounds say little of
 * their own spread, so that these count for more.
 */
function errorOf({ median, q1, q3, samples }) {
  if (q1 === undefined || !(median > 0) || !(samples > 1)) return undefined;
  return ((errorOfMedian * (q3 - q1)) / median / Math.sqrt(samples)) * (1 + 2 / samples);
}

/** Half of the range, as a share of the median: all that can be said of a record without quartiles. */
function halfRange({ median, min, max }) {
  return median > 0 ? (max - min) / 2 / median : 0;
}

/** How far two medians of the same thing may be apart by chance, on top of the threshold, as a share. */
function noiseOf(before, after) {
  const stated = [before, after].map(({ noise }) => noise).filter((noise) => noise !== undefined);
  if (stated.length > 0) return Math.min(maxNoise, Math.max(...stated));
  if (before.samples === 1 && after.samples === 1) return unknownNoise;
  const [one, other] = [errorOf(before), errorOf(after)];
  if (one === undefined && other === undefined) {
    return Math.min(maxNoise, Math.max(halfRange(before), halfRange(after)));
  }
  // A record from before quartiles were kept is taken for as noisy as the other one.
  return Math.min(maxNoise, errors * Math.hypot(one ?? other, other ?? one));
}

/** A reading in terms of the reference in its row, by medians: for records that hold no ratios. */
function normalised(name, reading, readings) {
  const found = ours.exec(name)?.groups;
  if (found === undefined || !/^(?:cpuUs|p50Us|perSecond)$/u.test(found.figure)) return reading;
  for (const reference of references) {
    const base = readings[`${found.row}.${reference}.${found.figure}`];
    if (base === undefined || !(base.median > 0)) continue;
    const { median, min, max } = reading;
    const half = halfRange(reading) + halfRange(base);
    return {
      median: median / base.median,
      min: (min / base.median) * (1 - half),
      max: (max / base.median) * (1 + half),
      unit: `× ${reference}`,
    };
  }
  return reading;
}

/** The two readings as they can be compared: ratios of the rounds if both have them, else of medians, else as they are. */
function comparable(name, [old, now], [before, after]) {
  if (old.ratio !== undefined && old.ratio.to === now.ratio?.to) {
    const unit = `× ${old.ratio.to}`;
    return [
      { ...old.ratio, unit },
      { ...now.ratio, unit },
    ];
  }
  const spread = old.ratio ?? now.ratio;
  return [
    [old, before],
    [now, after],
  ].map(([reading, readings]) => {
    const found = normalised(name, reading, readings);
    if (found === reading || spread === undefined) return found;
    const { q1, q3, median, samples } = spread;
    const by = found.median / median;
    const { median: middle, min, max, unit } = found;
    return { median: middle, min, max, unit, q1: q1 * by, q3: q3 * by, samples };
  });
}

function judge(name, before, after, threshold) {
  const noise = noiseOf(before, after);
  const shared = { name, before: before.median, after: after.median, unit: after.unit, noise };
  if (!(before.median > 0)) {
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
      if (before[name] === undefined || foreign.test(name) || unjudged.test(name)) continue;
      const [old, now] = comparable(name, [before[name], reading], [before, after]);
      // A reference that only one of them has makes two different things of it.
      if (old.unit !== now.unit) continue;
      compared.push(judge(`${bench}: ${name}`, old, now, threshold));
    }
  }
  return compared;
}

/** Targets that the benches of a record set themselves and did not reach. */
export function missedTargets(record) {
  return Object.entries(record.results).flatMap(([bench, { targets = [] }]) =>
    targets
      .filter(({ met }) => !met)
      .map(({ what, wanted, measured }) => ({ name: `${bench}: ${what}`, wanted, measured })),
  );
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
