import type {
  ConnectorMemory,
  ConnectorTransport,
  StdioTransport,
} from '../connectors/connector.ts';
import { findJemalloc, JEMALLOC_PACKAGES } from './find-jemalloc.ts';
import { type FileMemory, MEMORY_TIERS } from './memory-schema.ts';
import { isNodeProgram } from './node-program.ts';

/** What `memory` of an entry comes to on this machine. */
export interface MemoryReading {
  /** What can be heeded; undefined when nothing can. */
  readonly memory: ConnectorMemory | undefined;
  /** One for each thing that does nothing: the key of `memory` it is about, and why. */
  readonly warnings: readonly (readonly [key: string | undefined, text: string])[];
}

/** What is looked at of the machine. */
export interface MemoryHost {
  readonly platform: NodeJS.Platform;
  readonly jemalloc: () => string | undefined;
}

const THIS_HOST: MemoryHost = { platform: process.platform, jemalloc: findJemalloc };
const FLAGS = [
  ['heapMiB', '--max-old-space-size', /^--max[-_]old[-_]space[-_]size\b/],
  ['semiSpaceMiB', '--max-semi-space-size', /^--max[-_]semi[-_]space[-_]size\b/],
] as const;

type Warning = MemoryReading['warnings'][number];
type Sizes = Pick<ConnectorMemory, 'tier' | 'heapMiB' | 'semiSpaceMiB'>;

/** The same flag given elsewhere: Node takes the argument before the variable, and its last word there. */
function rivals({ args, env }: StdioTransport, sizes: Sizes): Warning[] {
  const words = (env['NODE_OPTIONS'] ?? '').split(/\s+/);
  return FLAGS.flatMap(([key, flag, pattern]): Warning[] => {
    if (sizes[key] === undefined) return [];
    if (args.some((word) => pattern.test(word))) {
      return [[undefined, `the argument ${flag} wins over it; keep one of them`]];
    }
    if (!words.some((word) => pattern.test(word))) return [];
    return [[undefined, `it wins over ${flag} of NODE_OPTIONS; keep one of them`]];
  });
}

/** Sizes of Node's heap, where it is Node that is started. */
function readSizes(
  { tier, semiSpaceMiB }: FileMemory,
  transport: StdioTransport,
): { readonly sizes: Sizes; readonly warnings: readonly Warning[] } {
  if (tier === undefined && semiSpaceMiB === undefined) return { sizes: {}, warnings: [] };
  const { command, args } = transport;
  if (!isNodeProgram(command, args)) {
    const key = tier === undefined ? 'semiSpaceMiB' : 'tier';
    const text = `"${command}" does not name Node (node, npx, a .js file), so it does nothing; start the server with node or npx`;
    return { sizes: {}, warnings: [[key, text]] };
  }
  const limits = tier && MEMORY_TIERS[tier];
  const semi = semiSpaceMiB ?? limits?.semiSpaceMiB;
  const sizes = {
    ...(tier !== undefined && { tier }),
    ...(limits !== undefined && { heapMiB: limits.heapMiB }),
    ...(semi !== undefined && { semiSpaceMiB: semi }),
  };
  return { sizes, warnings: rivals(transport, sizes) };
}

function readAllocator({ platform, jemalloc }: MemoryHost): string | Warning {
  if (platform !== 'linux') return ['allocator', 'it works on Linux only, so it does nothing here'];
  const path = jemalloc();
  if (path !== undefined) return path;
  const text = `jemalloc is not on this machine, so the server keeps the allocator of the C library; install ${JEMALLOC_PACKAGES}`;
  return ['allocator', text];
}

/**
 * `memory` of an entry: the sizes of its tier, its own before those, and the library of its allocator. What this server
 * or this machine cannot heed is left out with a warning; the connector runs without it (S1-03, S1-05, S1-B5).
 */
export function readMemory(
  given: FileMemory | undefined,
  transport: ConnectorTransport | undefined,
  host: MemoryHost = THIS_HOST,
): MemoryReading {
  // Without a transport the connector has a problem, which is told; nothing is started.
  if (given === undefined || transport === undefined) return { memory: undefined, warnings: [] };
  if (transport.kind !== 'stdio') {
    const text = 'it is for servers that are started with a command, so it does nothing here';
    return { memory: undefined, warnings: [[undefined, text]] };
  }
  const { sizes, warnings } = readSizes(given, transport);
  const found = given.allocator === undefined ? undefined : readAllocator(host);
  const path = typeof found === 'string' ? { allocatorPath: found } : {};
  const memory = { ...sizes, ...path };
  return {
    memory: Object.keys(memory).length === 0 ? undefined : memory,
    warnings: typeof found === 'object' ? [...warnings, found] : warnings,
  };
}

/** As `config show` says it: `heap 350 MiB, semi-space 16 MiB, jemalloc`. */
export function describeMemory({ heapMiB, semiSpaceMiB, allocatorPath }: ConnectorMemory): string {
  return [
    ...(heapMiB === undefined ? [] : [`heap ${heapMiB} MiB`]),
    ...(semiSpaceMiB === undefined ? [] : [`semi-space ${semiSpaceMiB} MiB`]),
    ...(allocatorPath === undefined ? [] : [allocatorPath]),
  ].join(', ');
}
