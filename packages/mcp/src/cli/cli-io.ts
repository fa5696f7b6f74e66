import type { Environment } from '../config/environment.ts';
import type { Note } from './service-note.ts';

/** Where text goes; a reader that has gone away is no error (`| head`). */
export interface Output {
  write(text: string): unknown;
  /** Bytes that the reader has not taken yet, where that is known. */
  readonly unread?: number;
  /** The reader went away; what is written is lost. */
  readonly gone?: boolean;
  /** The reader is given up: what it has not taken need not be waited for. */
  abandon?(): void;
}

/** All that a command sees of the world. Tests bring their own. */
export interface CliIo {
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string;
  /** Stdout is a terminal. */
  readonly isTty: boolean;
  /** Stderr is a terminal: logs are made readable. */
  readonly stderrIsTty: boolean;
  /** Width of the terminal; undefined leaves lines as long as they are. */
  readonly columns: number | undefined;
  /** Height of the terminal; undefined where nothing is drawn in place. */
  readonly rows?: number | undefined;
  /** Stdin is a terminal: a person may be asked. Default: false. */
  readonly stdinIsTty?: boolean;
  /** Tells the process that started this one, if it listens. */
  readonly notifyParent?: ((message: string) => void) | undefined;
  /** Says what the output of a fault must not show; asked for when there is one. Default: nothing is known. */
  readonly hide?: ((texts: () => readonly string[]) => void) | undefined;
  /** Takes what a service says beside its log. Default: it is written to stderr as lines for people. */
  readonly say?: (note: Note) => void;
  /** Asks the command to end; the reason is the name of the signal. */
  readonly signal: AbortSignal;
}
