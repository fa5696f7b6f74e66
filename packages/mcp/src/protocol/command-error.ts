/** Stable codes of what ends a command: first mistakes in its line or input, then what could not be done. */
export type CommandErrorCode =
  | 'USAGE'
  | 'PORT_IN_USE'
  | 'PORT_FORBIDDEN'
  | 'HOST_UNKNOWN'
  | 'CLIENT_UNKNOWN'
  | 'CONNECTOR_UNKNOWN'
  | 'CONNECTOR_NO_LOGIN'
  | 'CODE_UNKNOWN'
  | 'INPUT_INVALID'
  | 'INPUT_TOO_LARGE'
  | 'NAME_TAKEN'
  | 'OUTPUT_UNWRITABLE'
  | 'BENCH_INVALID'
  | 'KEY_MISSING'
  | 'TOOL_UNKNOWN'
  | 'CALL_FAILED'
  | 'SERVER_UNKNOWN'
  | 'BASELINE_MISSING'
  | 'BASELINE_INVALID'
  | 'BASELINES_FULL'
  | 'BASELINE_TOO_SHORT'
  | 'PROBE_FAILED'
  | 'CLIENT_FILE_CHANGED'
  | 'CLIENT_FILE_INVALID'
  | 'CLIENT_ENTRY_FOREIGN'
  | 'UNDO_DAMAGED'
  | 'UNDO_NOTHING'
  | 'PINS_UNREADABLE'
  | 'REGISTRY_UNUSABLE'
  | 'NOT_A_GATEWAY'
  | 'SERVICE_RESTARTED'
  | 'INSPECTOR_LOST'
  | 'PROFILE_INVALID'
  | 'FOLDER_EXPOSED'
  | 'ECHANGED'
  | 'UNREACHABLE'
  | 'UNAVAILABLE'
  | 'TOO_LARGE';

interface CommandErrorOptions {
  /** What to do here, where it is more than the table of errors says; becomes part of the message. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
}

/**
 * A command cannot be done. The message is one line: what is wrong, and what to do when a remedy of its own is given;
 * otherwise that of its code is shown below (T4).
 */
export class CommandError extends Error {
  readonly code: CommandErrorCode;
  readonly remedy: string | undefined;
  constructor(code: CommandErrorCode, what: string, options: CommandErrorOptions = {}) {
    const { remedy, cause } = options;
    super(
      remedy === undefined ? what : `${what}; ${remedy}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'CommandError';
    this.code = code;
    this.remedy = remedy;
  }
}
