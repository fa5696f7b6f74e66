import type { Challenge } from './challenge.ts';

/** What a server said no with. */
export interface CredentialRefusal {
  readonly status: 401 | 403;
  readonly challenge: Challenge;
  /** The header's value that was refused; undefined when none was sent. */
  readonly sent: string | undefined;
}

/** Proves who we are to one server, request by request. */
export interface RequestCredential {
  readonly connectorId: string;
  /** The only origin it is sent to. */
  readonly origin: string;
  /** The value of `Authorization` now; undefined when it has to be asked for. Costs a comparison of numbers. */
  current(): string | undefined;
  /** As `current`, once it could be had. Undefined: the request may go without. @throws CredentialError */
  acquire(): Promise<string | undefined>;
  /** Another value to try once, after a refusal. @throws CredentialError naming what a person has to do. */
  refused(refusal: CredentialRefusal): Promise<string>;
}
