import type { ErrorTable } from './error-facts.ts';

/** What `cortex-mcp registry doctor` finds. Each finding also carries what to do, with its path. */
export const DOCTOR_ERRORS: ErrorTable = {
  'folder-missing': {
    meaning: 'There is no state folder: the registry is empty.',
    causes: ['nothing was added yet', 'CORTEX_HOME is another one than that of the service'],
    remedy: 'nothing; it is made when the first server is added',
  },
  'folder-open': {
    meaning: 'Other users can read or write the state folder.',
    causes: ['it was made or copied by hand'],
    remedy: 'chmod 700 the folder, or --repair',
  },
  'file-open': {
    meaning: 'Other users can read a file that can hold secrets.',
    causes: ['it was copied by hand'],
    remedy: 'chmod 600 the file, or --repair',
  },
  'file-foreign': {
    meaning: 'A file belongs to another user than the one who runs this.',
    causes: ['a command was run with sudo'],
    remedy: 'chown the file, or run as its owner',
  },
  'file-linked': {
    meaning: 'A link or folder lies in the place of a file.',
    causes: ['dotfiles that are linked'],
    remedy: 'put the real file in its place',
  },
  'lock-held': {
    meaning: 'A process holds the registry for writing.',
    causes: ['a running service'],
    remedy: 'nothing; stop it before a repair',
  },
  'registry-lost': {
    meaning: 'Neither the snapshot nor the generation before it can be read.',
    causes: ['a disk that failed', 'files that were overwritten'],
    remedy: 'put a backup in their place, or move the files away to start empty',
  },
  'newer-format': {
    meaning: 'A newer version wrote the registry.',
    causes: ['a step back to an older version'],
    remedy: 'use the version that wrote it, or a newer one',
  },
  unreadable: {
    meaning: 'A file is there and cannot be read.',
    causes: ['another owner'],
    remedy: 'make it readable for the user who runs this',
  },
  'snapshot-corrupt': {
    meaning: 'The snapshot cannot be used; the generation before it and the journal are.',
    causes: ['it was edited by hand', 'a disk that failed'],
    remedy: '--repair puts it into quarantine and writes a new one',
  },
  'snapshot-older': {
    meaning: 'The snapshot is older than the journal expects.',
    causes: ['a single file was restored from a backup'],
    remedy: 'restore the folder as a whole, or --repair',
  },
  'journal-damaged': {
    meaning: 'The journal has a line that cannot be read; what stands before it is used.',
    causes: ['the machine stopped while it was written'],
    remedy: '--repair keeps it in quarantine and writes a new state',
  },
  'journal-detached': {
    meaning: 'The journal belongs to another snapshot.',
    causes: ['a single file was restored from a backup'],
    remedy: 'restore the folder as a whole, or --repair',
  },
  'entries-rejected': {
    meaning: 'Some entries are no usable servers.',
    causes: ['a file of the earlier build, or one edited by hand'],
    remedy: '--repair keeps them in quarantine; correct them there and add them again',
  },
  'previous-missing': {
    meaning: 'There is no earlier generation that damage could be undone with.',
    causes: ['only one snapshot was written yet'],
    remedy: 'nothing; the next snapshot keeps the current one',
  },
  'previous-corrupt': {
    meaning: 'The generation before the current one cannot be used.',
    causes: ['a disk that failed'],
    remedy: '--repair moves it into quarantine',
  },
  'temporary-left': {
    meaning: 'A file of a write that did not end is there; nothing refers to it.',
    causes: ['a process that was killed'],
    remedy: 'nothing; the next writer removes it',
  },
  'quarantine-filled': {
    meaning: 'Files were kept aside because they could not be used.',
    causes: ['one of the findings above, earlier'],
    remedy: 'take out of them what you need, then remove them',
  },
  'space-short': {
    meaning: 'There is less free space than a snapshot may need.',
    causes: ['a disk that fills up'],
    remedy: 'free space',
  },
};
