import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { CredentialError, type CredentialErrorCode } from './credential-error.ts';

export interface CallbackOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether an answer is the one that is waited for; others get 400 and change nothing. */
  readonly accepts: (answer: URLSearchParams) => boolean;
  /** Default 300000. */
  readonly timeoutMs?: number | undefined;
  readonly signal: AbortSignal;
}

/** Waits on this machine for a browser to come back (RFC 8252 §7.3). */
export interface LoopbackCallback extends AsyncDisposable {
  /** `http://127.0.0.1:<port>/callback` */
  readonly redirectUri: string;
  /** The first answer that is accepted; there is no second. @throws CredentialError */
  readonly answer: Promise<URLSearchParams>;
}

const TIMEOUT_MS = 300_000;
const PATH = '/callback';
/** Answers that belong to nobody before the wait is given up: somebody is guessing. */
const MAX_STRANGERS = 100;

function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(`${text}\n`);
}

/** Judges what comes to the port. */
class Receiver {
  /** `127.0.0.1:<port>`, once it is known. */
  host = '';
  readonly done: PromiseWithResolvers<URLSearchParams> = Promise.withResolvers();
  readonly #accepts: CallbackOptions['accepts'];
  #over = false;
  #strangers = 0;

  constructor(accepts: CallbackOptions['accepts']) {
    this.#accepts = accepts;
    // Whoever waits hears of a failure; that nobody waits yet is none.
    this.done.promise.catch(() => undefined);
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '', 'http://127.0.0.1');
    // A name that was made to lead here (DNS rebinding, S1) has another Host.
    const known = request.headers.host === this.host && url?.pathname === PATH;
    if (request.method !== 'GET' || !known) {
      page(response, 404, 'Not found');
    } else if (this.#over || !this.#accepts(url.searchParams)) {
      this.#count();
      page(response, 400, 'This answer does not belong to a login that is under way.');
    } else {
      this.#over = true;
      page(response, 200, 'You can close this window and go back to the terminal.');
      this.done.resolve(url.searchParams);
    }
  }

  fail(code: CredentialErrorCode, why: string): void {
    this.done.reject(new CredentialError(code, why));
  }

  #count(): void {
    this.#strangers += 1;
    if (this.#strangers <= MAX_STRANGERS) return;
    this.fail('AUTH_CALLBACK_INVALID', 'too many answers came that belong to another login');
  }
}

async function listen(server: Server, port: number): Promise<number> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject);
  server.listen(port, '127.0.0.1', () => listening.resolve());
  await listening.promise;
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

async function closeServer(server: Server): Promise<void> {
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  // The page is on its way already; browsers keep spare connections open for longer.
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), 500);
  await closed.promise;
  clearTimeout(force);
}

/** Opens the port. @throws CredentialError `AUTH_CALLBACK_INVALID` when it is taken. */
export async function listenForCallback(options: CallbackOptions): Promise<LoopbackCallback> {
  const { accepts, signal, timeoutMs = TIMEOUT_MS } = options;
  const receiver = new Receiver(accepts);
  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 10_000 }, (...exchange) =>
    receiver.take(...exchange),
  );
  server.maxConnections = 16;
  try {
    receiver.host = `127.0.0.1:${await listen(server, options.port)}`;
  } catch (cause) {
    const why = `port ${options.port} of 127.0.0.1 cannot be listened on for the callback: choose another auth.redirectPort`;
    throw new CredentialError('AUTH_CALLBACK_INVALID', why, { cause });
  }
  const late = `nobody logged in within ${Math.round(timeoutMs / 1_000)} s`;
  const timer = setTimeout(() => receiver.fail('AUTH_CALLBACK_TIMEOUT', late), timeoutMs);
  const stop = (): void => receiver.fail('AUTH_CANCELLED', 'the login was ended');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  return {
    redirectUri: `http://${receiver.host}${PATH}`,
    answer: receiver.done.promise,
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      await closeServer(server);
    },
  };
}
