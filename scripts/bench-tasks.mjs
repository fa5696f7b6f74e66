/**
 * What the task record of the hot path says was measured, taken from a record of the benches: the list of targets in its
 * `verification/`, and `measured` and `met` of the targets its baton names. Pure: data in, data out.
 */

/** Benches whose targets are about calls, lists and what serves them. */
const benches = [
  'call',
  'list',
  'scale',
  'sessions',
  'memory',
  'notify',
  'faults',
  'peers',
  'flags',
  'pool',
];

export const hotPathTask = 'tasks/mcp-hot-path';

/** `verification/targets.json`: every target of those benches, with the run it is from. */
export function targetsOf(record, source) {
  const found = benches.flatMap((bench) => {
    const { run, targets = [] } = record.results[bench] ?? {};
    if (targets.length === 0) return [];
    const { takenAt, commit, machine, versions } = run ?? record.run;
    return [{ bench, takenAt, commit, cpu: machine?.cpu, node: versions?.node, targets }];
  });
  return { record: source, shownIn: 'docs/benchmarks.md', benches: found };
}

/** The baton with what the record says of each target: `target` is `<bench>: <what>`. */
export function refreshedBaton(baton, record) {
  const targets = baton.targets.map((one) => {
    const [bench, ...rest] = one.target.split(': ');
    const what = rest.join(': ');
    const found = record.results[bench]?.targets?.find((target) => target.what === what);
    if (found === undefined) return { ...one, measured: 'not in the record', met: 'no' };
    const { wanted, measured, met } = found;
    return { ...one, wanted, measured, met: met ? 'yes' : 'no' };
  });
  return { ...baton, targets };
}
