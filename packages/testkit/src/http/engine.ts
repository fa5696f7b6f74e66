import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request whose body has been read, so that faults and counts could see it. */
export interface FrontRequest {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  /** The JSON-RPC message when the body is one, else undefined. */
  readonly message: Readonly<Record<string, unknown>> | undefined;
}

/** The real server behind the front. */
export interface Engine {
  handle(request: FrontRequest, response: ServerResponse): Promise<void>;
  /** Tells connected clients that the tools changed. */
  announceTools(): void;
  /** Sessions held now. */
  readonly openSessions: number;
  /** Ends every exchange and session. */
  close(): Promise<void>;
}
