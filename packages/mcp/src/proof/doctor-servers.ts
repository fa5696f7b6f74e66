import type { ConnectorDefinition } from '../connectors/connector.ts';
import { type Check, type DoctorContext, finding } from './doctor-finding.ts';

const WHY =
  'The memory of a server is set when its process starts; a program that is linked statically, or runs in a container, does not heed it.';

/** Connectors that are started with sizes or an allocator of their own. */
function tunedConnectors({ config }: DoctorContext): readonly ConnectorDefinition[] {
  if (config.kind === 'broken') return [];
  return config.connectors.filter(({ enabled, memory }) => enabled && memory !== undefined);
}

/** What a process lacks of what its connector asks for; undefined where that cannot be seen. */
async function missingIn(
  { files }: DoctorContext,
  pid: number,
  { memory }: ConnectorDefinition,
): Promise<readonly string[] | undefined> {
  const [maps, environ] = await Promise.all([
    files.text(`/proc/${pid}/maps`),
    files.text(`/proc/${pid}/environ`),
  ]);
  if (maps === undefined || environ === undefined) return undefined;
  const { heapMiB, semiSpaceMiB, allocatorPath } = memory ?? {};
  const words = environ.split(/[\0\s=]/);
  const missing: string[] = [];
  if (allocatorPath !== undefined && !/libjemalloc[^/\s]*\.so/.test(maps)) missing.push('jemalloc');
  if (heapMiB !== undefined && !words.includes('--max-old-space-size')) missing.push('heap');
  if (semiSpaceMiB !== undefined && !words.includes('--max-semi-space-size')) {
    missing.push('semi-space');
  }
  return missing;
}

/** Whether `memory` of stdio servers is in force in their processes (S1-03, S1-21, S1-29). */
export const checkServerMemory: Check = async (context) => {
  const tuned = tunedConnectors(context);
  if (tuned.length === 0) {
    const none = 'no server has sizes or an allocator of its own ("memory" in its entry)';
    return [finding('server-memory', 'ok', { finding: none, why: WHY })];
  }
  const seen: string[] = [];
  const lacking: string[] = [];
  for (const connector of tuned) {
    const read = context.service?.connectors.find(({ id }) => id === connector.id);
    for (const pid of read?.pids ?? []) {
      const missing = await missingIn(context, pid, connector);
      if (missing === undefined) continue;
      seen.push(connector.id);
      if (missing.length > 0) lacking.push(`${connector.id} (pid ${pid}): ${missing.join(', ')}`);
    }
  }
  if (seen.length === 0) {
    const text = `${tuned.length} servers have it, none of their processes can be seen`;
    return [finding('server-memory', 'unknown', { finding: text, why: WHY })];
  }
  return [
    finding('server-memory', lacking.length === 0 ? 'ok' : 'warn', {
      finding:
        lacking.length === 0
          ? `in force in all that can be seen: ${seen.join(', ')}`
          : `not in force: ${lacking.join('; ')}`,
      why: WHY,
      fix: 'name the program itself as command, or take "memory" out of the entry; a service older than the entry has to be started again',
    }),
  ];
};
