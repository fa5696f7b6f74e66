import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** The last core: the subject's own. The others belong to load and servers. */
const SUBJECT_CORE = cpus().length - 1;
/** Of util-linux; where it is missing, nothing is pinned. */
const TASKSET = 'taskset';
const available =
  cpus().length > 1 && spawnSync(TASKSET, ['--version'], { stdio: 'ignore' }).status === 0;

/** How processes are kept apart, for the record. */
export const PINNING: string = available
  ? `subject on core ${SUBJECT_CORE}, load and servers on the others`
  : 'none';

/** Keeps a process, all its threads and what it starts later on its place; does nothing where that cannot be done. */
export function pin(pid: number, place: 'subject' | 'other'): void {
  if (!available) return;
  const others = SUBJECT_CORE === 1 ? '0' : `0-${SUBJECT_CORE - 1}`;
  const cores = place === 'subject' ? String(SUBJECT_CORE) : others;
  spawnSync(TASKSET, ['-acp', cores, String(pid)], { stdio: 'ignore' });
}
