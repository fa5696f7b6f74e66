import type { SyncOutcome } from '../connectors/sync-report.ts';

/** What is known of a failed call beside its message. */
export interface CallErrorFacts {
  /** Of the table of errors, or of the server. */
  readonly code: string;
  /** The number of JSON-RPC beside it. */
  readonly rpcCode?: string | undefined;
  readonly remedy?: string | undefined;
  readonly connector?: string | undefined;
  readonly phase?: string | undefined;
}

/** A tool could not be called, for what its connector, its server or the gateway said. */
export class CallError extends Error {
  readonly code: string;
  readonly rpcCode: string | undefined;
  readonly remedy: string | undefined;
  readonly connector: string | undefined;
  readonly phase: string | undefined;
  constructor(message: string, { code, rpcCode, remedy, connector, phase }: CallErrorFacts) {
    super(message);
    this.name = 'CallError';
    this.code = code;
    this.rpcCode = rpcCode;
    this.remedy = remedy;
    this.connector = connector;
    this.phase = phase;
  }
}

/** Why a connector offers nothing; undefined when it does. */
export function connectorError(outcome: SyncOutcome): CallError | undefined {
  const { kind, id } = outcome;
  if (kind === 'disabled') {
    return new CallError(`${id} is switched off`, { code: 'DISABLED', connector: id });
  }
  if (kind !== 'failed') return undefined;
  const { phase, code, message, remedy } = outcome;
  const what = `${id} is unavailable: ${phase}: ${message}`;
  return new CallError(what, { code, remedy, connector: id, phase });
}
