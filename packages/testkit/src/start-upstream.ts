import type {
  HttpUpstream,
  HttpUpstreamOptions,
  RunningUpstream,
  StdioUpstream,
  StdioUpstreamOptions,
  UpstreamFor,
  UpstreamOptions,
} from './upstream.ts';
import { startHttpUpstream } from './http/http-upstream.ts';
import { createStdioUpstream } from './stdio/stdio-upstream.ts';

function isHttp(options: UpstreamOptions): options is HttpUpstreamOptions {
  return options.kind !== 'modern-stdio' && options.kind !== 'legacy-stdio';
}

/**
 * Starts a real MCP server: HTTP kinds listen on 127.0.0.1 and a free port when this resolves; stdio kinds are ready
 * to be started with their `command`. Close it when done.
 */
export function startUpstream(options: HttpUpstreamOptions): Promise<HttpUpstream>;
export function startUpstream(options: StdioUpstreamOptions): Promise<StdioUpstream>;
export function startUpstream(options: UpstreamOptions): Promise<RunningUpstream>;
export async function startUpstream(options: UpstreamOptions): Promise<RunningUpstream> {
  return isHttp(options) ? startHttpUpstream(options) : createStdioUpstream(options);
}

/** The upstreams in the order of their options. */
export type Fleet<O extends readonly UpstreamOptions[]> = {
  readonly [Index in keyof O]: UpstreamFor<O[Index]>;
} & AsyncDisposable;

/** Starts many at once. When one fails, those already started are closed again. Disposing closes all. */
export async function startFleet<const O extends readonly UpstreamOptions[]>(
  options: O,
): Promise<Fleet<O>> {
  const settled = await Promise.allSettled(options.map(async (one) => startUpstream(one)));
  const started = settled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const dispose = async (): Promise<void> => {
    await Promise.all(started.map(async (upstream) => upstream.close()));
  };
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await dispose();
    throw failed.reason;
  }
  // The mapped tuple has the order and the kinds of the options, which a plain array cannot say.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.assign(started, { [Symbol.asyncDispose]: dispose }) as unknown as Fleet<O>;
}
