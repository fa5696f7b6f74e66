import type { HostFiles } from './host-files.ts';

/**
 * The process of this user that listens on a name of the abstract namespace, as the owner of a state folder does;
 * undefined when there is none, or on systems without procfs.
 */
export async function ownerPid(files: HostFiles, name: string): Promise<number | undefined> {
  const table = await files.text('/proc/net/unix');
  const inodes = new Set(
    (table ?? '').split('\n').flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      // Flag 00010000: it listens, and is no connection to the one that does.
      return fields[7] === `@${name}` && fields[3] === '00010000' ? [fields[6]] : [];
    }),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of await files.names('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of await files.names(`/proc/${pid}/fd`)) {
      const link = await files.link(`/proc/${pid}/fd/${descriptor}`);
      if (inodes.has(/^socket:\[(\d+)\]$/.exec(link ?? '')?.[1])) return Number(pid);
    }
  }
  return undefined;
}
