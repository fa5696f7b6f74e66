import type { HostFiles } from './host-files.ts';

/** Where a process listens. */
export interface ListeningPort {
  readonly port: number;
  /** Only programs of this machine reach it. */
  readonly isLoopback: boolean;
}

/** State 0A of `/proc/net/tcp`. */
const LISTEN = '0A';
const LOOPBACK_V4 = /^[0-9A-F]{6}7F$/;
const LOOPBACK_V6 = '00000000000000000000000001000000';
/** SIGUSR1 in the mask of signals that a process has a handler for. */
const SIGUSR1_BIT = 1n << 9n;

/** Ports at which a process listens; none when it is another user's. Linux only. */
export async function listeningPorts(
  files: HostFiles,
  pid: number,
): Promise<readonly ListeningPort[]> {
  const names = await files.names(`/proc/${pid}/fd`);
  const links = await Promise.all(names.map(async (name) => files.link(`/proc/${pid}/fd/${name}`)));
  const sockets = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link ?? '')?.[1]));
  const tables = await Promise.all([
    files.text(`/proc/${pid}/net/tcp`),
    files.text(`/proc/${pid}/net/tcp6`),
  ]);
  return tables.flatMap((table) =>
    (table ?? '').split('\n').flatMap((line) => {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state !== LISTEN || !sockets.has(inode)) return [];
      const [address = '', port = ''] = local.split(':');
      const isLoopback = LOOPBACK_V4.test(address) || address === LOOPBACK_V6;
      return [{ port: Number.parseInt(port, 16), isLoopback }];
    }),
  );
}

/** What keeps a process from being asked to open its inspector; undefined when nothing does. */
export type Refusal = 'gone' | 'another-user' | 'no-handler';

/**
 * Whether SIGUSR1 opens the inspector of a process. Of one that is no Node, that has only begun, or that was started
 * with `--disable-sigusr1`, it would be the end.
 */
export async function refusalOf(files: HostFiles, pid: number): Promise<Refusal | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'EPERM' ? 'another-user' : 'gone';
  }
  const status = await files.text(`/proc/${pid}/status`);
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1];
  const exe = await files.link(`/proc/${pid}/exe`);
  if (exe === undefined) return 'another-user';
  const isNode = /\/node[^/]*$/.test(exe.replace(/ \(deleted\)$/, ''));
  const handles = mask !== undefined && (BigInt(`0x${mask}`) & SIGUSR1_BIT) !== 0n;
  return isNode && handles ? undefined : 'no-handler';
}
