import { z } from 'zod';
import type { ConnectorMemory } from '../connectors/connector.ts';
import { integer, type OptionalShape } from './schema-words.ts';

/** What a tier is: memory in all (S1-B5), 70 % of it for the heap (S1-B1), and the semi-space (S1-B4). */
export interface MemoryTier {
  readonly memoryMiB: number;
  readonly heapMiB: number;
  readonly semiSpaceMiB: number;
}

const TIERS = ['light', 'standard', 'heavy'] as const;
const ALLOCATORS = ['jemalloc'] as const;
/** Larger ones were refused (conflicts C4, row 15). */
const MAX_SEMI_SPACE_MIB = 64;

/** By name, the smallest first. */
export const MEMORY_TIERS: Readonly<Record<(typeof TIERS)[number], MemoryTier>> = {
  light: { memoryMiB: 500, heapMiB: 350, semiSpaceMiB: 16 },
  standard: { memoryMiB: 1_000, heapMiB: 700, semiSpaceMiB: 32 },
  heavy: { memoryMiB: 2_000, heapMiB: 1_400, semiSpaceMiB: MAX_SEMI_SPACE_MIB },
};

/** `memory` of an entry, as written. */
export interface FileMemory {
  readonly tier?: ConnectorMemory['tier'];
  readonly semiSpaceMiB?: number | undefined;
  readonly allocator?: (typeof ALLOCATORS)[number] | undefined;
}

const memory = z.object(
  {
    tier: z.enum(TIERS, 'must be light, standard or heavy').optional().meta({
      description:
        'Limits of a Node server: light is a heap of 350 MiB and a semi-space of 16, standard 700 and 32, heavy 1400 and 64.',
    }),
    semiSpaceMiB: integer(1, MAX_SEMI_SPACE_MIB).optional().meta({
      description:
        'Largest semi-space of a Node server, which rounds it up to a power of two. Default: that of the tier.',
    }),
    allocator: z.enum(ALLOCATORS, 'must be jemalloc').optional().meta({
      description:
        'Library that is preloaded in place of the allocator of the C library; Linux only.',
    }),
  },
  'must be an object',
);

/** Known keys of `memory`. */
export const MEMORY_KEYS: readonly string[] = Object.keys(memory.shape);

/** What an entry says of the memory of its process. */
export interface FileMemoryKeys {
  readonly memory?: FileMemory | undefined;
}

/** The key of an entry that concerns its memory. */
export const memoryShape: OptionalShape<FileMemoryKeys> = {
  memory: memory.optional().meta({
    description: 'How the process of a stdio server is started, as to its memory.',
  }),
};
