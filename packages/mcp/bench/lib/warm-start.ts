import { ACCOUNTED, accountOf } from './account.ts';
import { cpuMsOf } from './cpu-time.ts';
import type { KeptFleet } from './kept-fleet.ts';
import { createBenchClient } from './mcp-client.ts';
import { freePort, startProgram } from './program.ts';

/** Of all starts; to be closed at the end. */
export const startClient: ReturnType<typeof createBenchClient> = createBenchClient(1);

/** Tools on the shared endpoint. */
async function listTools(url: string): Promise<number> {
  const text = await startClient.send(url, { method: 'tools/list', params: {} });
  return (JSON.parse(text) as { result: { tools: unknown[] } }).result.tools.length;
}

/** One start of the program, from `spawn`. */
export interface Start {
  readonly listeningMs: number;
  /** Until the first list was answered. */
  readonly firstListMs: number;
  /** Until the list that was waited for was answered: the first, unless more tools were asked for. */
  readonly listMs: number;
  /** User and system time of the whole process until it listened. */
  readonly listenCpuMs: number;
  /** The same until the list was there; not a number where there is no /proc. */
  readonly listCpuMs: number;
  /** In the last list. */
  readonly tools: number;
}

export interface StartOptions {
  /** How long the program may go on afterwards. Default: not at all. */
  readonly lingerMs?: number;
  /** `MCP_CONNECTOR_PERSIST_MANIFESTS`. Default: true. */
  readonly persist?: boolean;
  /** Lists are asked for until one has so many tools, for at most 10 s. Default: one list. */
  readonly untilTools?: number;
}

const MAX_WAIT_MS = 10_000;

/** From the start of the process until the complete list is in the client's hands. */
export async function warmStart(
  { home, config }: KeptFleet,
  { lingerMs = 0, persist = true, untilTools = 0 }: StartOptions = {},
): Promise<Start> {
  await using program = startProgram({
    home,
    config,
    port: await freePort(),
    execArgv: ACCOUNTED,
    ...(!persist && { env: { MCP_CONNECTOR_PERSIST_MANIFESTS: 'false' } }),
  });
  const account = accountOf(program);
  const sinceMs = (): number => performance.now() - program.startedAtMs;
  await program.listening;
  const listeningMs = sinceMs();
  let tools = await listTools(program.url);
  const firstListMs = sinceMs();
  while (tools < untilTools && sinceMs() < MAX_WAIT_MS) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    tools = await listTools(program.url);
  }
  const listMs = sinceMs();
  const listCpuMs = cpuMsOf(program.child.pid ?? 0);
  const listenCpuMs = await account.cpuMsAtListen;
  await new Promise((resolve) => setTimeout(resolve, lingerMs));
  return { listeningMs, firstListMs, listMs, listenCpuMs, listCpuMs, tools };
}
