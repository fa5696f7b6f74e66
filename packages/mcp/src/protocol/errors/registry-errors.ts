import type { ErrorTable } from './error-facts.ts';

/** The registry: its files, imports, its HTTP API and its tools. Codes that begin with E and name a disk are the system's. */
export const REGISTRY_ERRORS: ErrorTable = {
  ENOSPC: {
    meaning: 'The disk is full; memory serves, and the write is tried again until it is durable.',
    causes: ['logs or other files of this disk'],
    remedy: 'free space; nothing is lost while the service runs',
  },
  EDQUOT: {
    meaning: 'The quota of the user is used up; as ENOSPC.',
    causes: ['other files of the user'],
    remedy: 'free space of this user, or raise the quota',
  },
  EFBIG: {
    meaning: 'The file would pass the size limit of the process or file system.',
    causes: ['ulimit -f', 'a file system with a limit'],
    remedy: 'raise the limit',
  },
  EROFS: {
    meaning: 'The file system is read-only; the registry is read, and not written.',
    causes: ['a volume that is mounted so', 'a disk with errors'],
    remedy: 'mount it for writing, or set CORTEX_HOME elsewhere',
  },
  EACCES: {
    meaning: 'Permission was denied.',
    causes: ['a file or folder that belongs to another user'],
    remedy:
      'correct owner and mode of what is named; of the registry cortex-mcp registry doctor says it',
  },
  EPERM: {
    meaning: 'The operation is not permitted.',
    causes: ['the state folder belongs to another user', 'an immutable file'],
    remedy:
      'correct owner and attributes of what is named; of the registry cortex-mcp registry doctor says it',
  },
  EIO: {
    meaning:
      'The file system failed in a way without a code of its own here; the cause is in the message.',
    causes: ['a failing disk', 'a network file system that went away'],
    remedy: 'look at the log of the system',
  },
  EBUSY: {
    meaning: 'The file is a mount point and cannot be replaced.',
    causes: ['a container that mounts one file in place of the folder'],
    remedy: 'mount the folder',
  },
  ELOOP: {
    meaning: 'A link lies in the place of a file; links are not followed.',
    causes: ['dotfiles that are linked into the state folder'],
    remedy: 'put the real file in its place, or set CORTEX_HOME to the folder it lies in',
  },
  ELOCKED: {
    meaning: 'Another process writes to the registry; this one reads and follows.',
    causes: ['a second service with the same state folder', 'several workers of pm2'],
    remedy:
      'write through the process that holds it, or stop that; cortex-mcp registry doctor names it',
  },
  ENETFS: {
    meaning: 'The state folder is on a file system whose locks cannot be relied on.',
    causes: ['NFS, SMB or another network file system'],
    remedy: 'set CORTEX_HOME to a folder of a local disk',
  },
  EREGISTRYLOST: {
    meaning: 'Neither the snapshot nor the generation before it can be read; nothing was changed.',
    causes: ['a disk that failed', 'files that were overwritten'],
    remedy: 'put a backup in their place, or move the files away to start empty',
  },
  EREGISTRYFORMAT: {
    meaning: 'A newer version wrote the registry; nothing was changed.',
    causes: ['a step back to an older version'],
    remedy: 'use the version that wrote it, or a newer one',
  },
  EREGISTRYCLOSED: {
    meaning: 'The registry is closed, or closing.',
    causes: ['the service stops', 'a program uses it after close()'],
    remedy: 'try again once the service is up',
  },
  EREGISTRYFULL: {
    meaning: 'The registry holds 250,000 entries, or 1,000 listeners, already.',
    causes: ['imports that nobody removes', 'a program that subscribes and never unsubscribes'],
    remedy: 'remove entries with cortex-mcp registry remove',
  },
  ECACHEDISABLED: {
    meaning: 'There is no memory cache, as MCP_REGISTRY_MEMORY_CACHE is off.',
    causes: ['the rollback flag'],
    remedy: 'use readAll, upsert and remove, or switch the flag on',
  },
  EINVALIDRECORD: {
    meaning: 'An entry is no valid server record, or too large.',
    causes: ['a name over 256 characters', 'a record over 256 KiB', 'neither command nor url'],
    remedy: 'correct what the message names',
  },
  ECHANGED: {
    meaning: 'Somebody else has just changed the entry; nothing was changed.',
    causes: ['two commands at once'],
    remedy: 'run the command again; it decides anew, five times by itself',
  },
  EINVALID: {
    meaning: 'The running service could not understand what a command asked of it.',
    causes: ['command and service of different versions'],
    remedy: 'restart the service with the version of the command',
  },
  EINTERNAL: {
    meaning: 'The running service failed at a change of the registry; its log says how.',
    causes: ['a bug of ours'],
    remedy: 'read the log of the service and report it',
  },
  ENOENT: {
    meaning: 'There is no such file, program or path.',
    causes: ['a misspelled path'],
    remedy: 'check the path that the message names',
  },
  EFORMAT: {
    meaning: 'A file or page that is to be imported, or written to, is not what it should be.',
    causes: ['no JSON', 'not the file of a client or registry', 'a file of ours that was damaged'],
    remedy: 'correct the place that the message names, or move the damaged file aside',
  },
  ETOOLARGE: {
    meaning: 'An import, secret or page is beyond a bound.',
    causes: ['another file than the one meant'],
    remedy: 'import fewer servers at a time; docs/operations.md has the bounds',
  },
  EFETCH: {
    meaning: 'A registry at an address did not answer as one.',
    causes: ['the address is wrong', 'it is away', 'it answers with an error'],
    remedy: 'check the address: curl -s <address>/v0.1/servers',
  },
  EREFUSED: {
    meaning: 'It may not be asked, written, or has changed meanwhile.',
    causes: [
      'http to another machine',
      'a user or password in the address',
      'a file that was edited at the same time',
    ],
    remedy: 'use https without credentials; for a changed file run the command again',
  },
  EUNDO: {
    meaning: 'There is no import to take back.',
    causes: ['none was made, or all were taken back', 'imports from an address are not undone'],
    remedy: 'remove entries with cortex-mcp registry remove',
  },
};
