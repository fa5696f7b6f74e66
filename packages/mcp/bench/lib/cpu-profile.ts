import { readFile } from 'node:fs/promises';

/** A `.cpuprofile` as V8 writes it. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** A function on a stack, with the time below it; times in microseconds. */
export interface ProfileFrame {
  readonly name: string;
  /** Where it stands: a file of ours, of a package, or `node`. */
  readonly place: string;
  readonly selfUs: number;
  readonly totalUs: number;
  readonly children: readonly ProfileFrame[];
}

export function placeOf(url: string, line: number): string {
  if (url === '') return 'v8';
  if (url.startsWith('node:')) return `${url}:${line + 1}`;
  const dependency = /\/node_modules\/(?!\.pnpm)((?:@[^/]+\/)?[^/]+\/.*)$/.exec(url)?.[1];
  return `${dependency ?? url.replace(/^.*\/packages\//, '')}:${line + 1}`;
}

/** The profile as one tree. */
export function profileTree({ nodes, samples, timeDeltas }: CpuProfile): ProfileFrame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = new Map<number, number>();
  samples.forEach((id, index) => {
    self.set(id, (self.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const frameOf = (id: number): ProfileFrame => {
    const node = byId.get(id);
    if (node === undefined) throw new Error(`the profile lacks node ${id}`);
    const children = (node.children ?? []).map(frameOf);
    // The taking of the profile is not what is profiled.
    const selfUs = node.callFrame.url === 'node:inspector' ? 0 : (self.get(id) ?? 0);
    const { functionName, url, lineNumber } = node.callFrame;
    return {
      name: functionName === '' ? '(anonymous)' : functionName,
      place: placeOf(url, lineNumber),
      selfUs,
      totalUs: children.reduce((sum, { totalUs }) => sum + totalUs, selfUs),
      children,
    };
  };
  const [root] = nodes;
  if (root === undefined) throw new Error('the profile is empty');
  return frameOf(root.id);
}

/** One function, wherever it was called from. */
export interface ProfileCost {
  readonly name: string;
  readonly place: string;
  readonly selfUs: number;
  readonly totalUs: number;
}

/** Functions by the time they spent themselves, most first. `totalUs` counts recursion once. */
export function profileCosts(root: ProfileFrame): readonly ProfileCost[] {
  const costs = new Map<string, { self: number; total: number; name: string; place: string }>();
  const visit = (frame: ProfileFrame, above: ReadonlySet<string>): void => {
    const key = `${frame.name} ${frame.place}`;
    const cost = costs.get(key) ?? { self: 0, total: 0, name: frame.name, place: frame.place };
    cost.self += frame.selfUs;
    if (!above.has(key)) cost.total += frame.totalUs;
    costs.set(key, cost);
    const below = new Set(above).add(key);
    for (const child of frame.children) visit(child, below);
  };
  visit(root, new Set());
  return Array.from(costs.values(), ({ self, total, name, place }) => {
    return { name, place, selfUs: self, totalUs: total };
  }).toSorted((a, b) => b.selfUs - a.selfUs);
}

export async function readProfile(file: string): Promise<ProfileFrame> {
  return profileTree(JSON.parse(await readFile(file, 'utf8')) as CpuProfile);
}
