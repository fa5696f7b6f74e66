import type { IncomingMessage as HttpRequest, ServerResponse } from 'node:http';
import type { Principal } from '../../auth/principal.ts';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import type { BodyError, BodyReceiver } from './read-body.ts';

/** Where what was posted goes on. */
export interface ExchangeHandler {
  posted(body: Buffer, exchange: Exchange): void;
  failed(error: unknown, exchange: Exchange): void;
}

/** One HTTP request on its way, and what is known of its message. One object, since there is one for each call. */
export class Exchange implements BodyReceiver {
  readonly request: HttpRequest;
  readonly response: ServerResponse;
  readonly connectorId: string | undefined;
  readonly principal: Principal;
  /** Once it could be read. */
  message: IncomingMessage | undefined;
  modern = false;
  readonly #handler: ExchangeHandler;

  constructor(
    handler: ExchangeHandler,
    request: HttpRequest,
    response: ServerResponse,
    to: { readonly connectorId: string | undefined; readonly principal: Principal },
  ) {
    this.#handler = handler;
    this.request = request;
    this.response = response;
    this.connectorId = to.connectorId;
    this.principal = to.principal;
  }

  taken(body: Buffer): void {
    this.#handler.posted(body, this);
  }

  failed(error: BodyError): void {
    this.#handler.failed(error, this);
  }
}
