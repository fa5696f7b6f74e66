import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';

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
  readonly children?: readonly number[] | undefined;
}

const callFrame = z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() });
const cpuProfile: z.ZodType<CpuProfile> = z.object({
  nodes: z.array(z.object({ id: z.number(), callFrame, children: z.array(z.number()).optional() })),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** A function on a stack, with what is below it: microseconds of time, or bytes of memory. */
export interface ProfileFrame {
  readonly name: string;
  /** Where it stands: a file of ours, of a package, or `node`. */
  readonly place: string;
  readonly self: number;
  readonly total: number;
  readonly children: readonly ProfileFrame[];
}

export function placeOf(url: string, line: number): string {
  if (url === '') return 'v8';
  if (url.startsWith('node:')) return `${url}:${line + 1}`;
  const dependency = /\/node_modules\/(?!\.pnpm)((?:@[^/]+\/)?[^/]+\/.*)$/.exec(url)?.[1];
  return `${dependency ?? url.replace(/^.*\/packages\//, '')}:${line + 1}`;
}

export function nameOf(functionName: string): string {
  return functionName === '' ? '(anonymous)' : functionName;
}

/** The profile as one tree. */
export function profileTree({ nodes, samples, timeDeltas }: CpuProfile): ProfileFrame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const own = new Map<number, number>();
  samples.forEach((id, index) => {
    own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  });
  const frameOf = (id: number): ProfileFrame => {
    const node = byId.get(id);
    if (node === undefined)
      throw new CommandError('PROFILE_INVALID', `the profile lacks node ${id}`);
    const children = (node.children ?? []).map(frameOf);
    // The taking of the profile is not what is profiled.
    const self = node.callFrame.url === 'node:inspector' ? 0 : (own.get(id) ?? 0);
    const { functionName, url, lineNumber } = node.callFrame;
    return {
      name: nameOf(functionName),
      place: placeOf(url, lineNumber),
      self,
      total: children.reduce((sum, { total }) => sum + total, self),
      children,
    };
  };
  const [root] = nodes;
  if (root === undefined) throw new CommandError('PROFILE_INVALID', 'the profile is empty');
  return frameOf(root.id);
}

/** One function, wherever it was called from. */
export interface ProfileCost {
  readonly name: string;
  readonly place: string;
  readonly self: number;
  readonly total: number;
}

/** Functions by what they took themselves, most first. `total` counts recursion once. */
export function profileCosts(root: ProfileFrame): readonly ProfileCost[] {
  const costs = new Map<string, { self: number; total: number; name: string; place: string }>();
  const visit = (frame: ProfileFrame, above: ReadonlySet<string>): void => {
    const key = `${frame.name} ${frame.place}`;
    const cost = costs.get(key) ?? { self: 0, total: 0, name: frame.name, place: frame.place };
    cost.self += frame.self;
    if (!above.has(key)) cost.total += frame.total;
    costs.set(key, cost);
    const below = new Set(above).add(key);
    for (const child of frame.children) visit(child, below);
  };
  visit(root, new Set());
  return [...costs.values()].toSorted((a, b) => b.self - a.self);
}

/** @throws Error when it is no CPU profile. */
export function parseCpuProfile(value: unknown): ProfileFrame {
  return profileTree(cpuProfile.parse(value));
}

export async function readProfile(file: string): Promise<ProfileFrame> {
  return parseCpuProfile(JSON.parse(await readFile(file, 'utf8')));
}
