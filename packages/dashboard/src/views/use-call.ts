import { useEffect, useRef, useState } from 'preact/hooks';
import { paramHeaders } from '../live/mcp-message.ts';
import type { Exchange } from '../live/mcp-client.ts';
import { newsOf, type CallNews } from '../model/call-news.ts';
import type { JsonObject } from '../model/json.ts';
import type { Tool } from '../model/tools.ts';
import { usePage } from '../parts/page-context.ts';

/** A call of a tool, and what became of it. */
export type Call =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly startedAt: number; readonly news: readonly CallNews[] }
  | {
      readonly kind: 'ended';
      readonly exchange: Exchange;
      readonly args: JsonObject;
      readonly news: readonly CallNews[];
    }
  | { readonly kind: 'stopped'; readonly afterMs: number }
  | { readonly kind: 'unreachable'; readonly why: string };

export interface CallControl {
  readonly call: Call;
  /** Calls with these arguments; `extra` is added to the params, as answers to questions are. */
  readonly start: (args: JsonObject, extra?: JsonObject) => void;
  readonly stop: () => void;
}

const MAX_NEWS = 50;

/** Calls of one tool, one at a time; leaving the tool cancels what still runs. */
export function useCall(tool: Tool): CallControl {
  const { client } = usePage();
  const [call, setCall] = useState<Call>({ kind: 'none' });
  const running = useRef<AbortController>(null);
  useEffect(() => () => running.current?.abort(), []);

  async function run(args: JsonObject, extra: JsonObject, abort: AbortController): Promise<void> {
    const startedAt = performance.now();
    let news: readonly CallNews[] = [];
    setCall({ kind: 'running', startedAt, news });
    try {
      const exchange = await client.send(
        {
          method: 'tools/call',
          params: { name: tool.name, arguments: args, ...extra },
          headers: paramHeaders(tool.inputSchema, args),
        },
        {
          signal: abort.signal,
          onNotification: (message) => {
            news = [...news, newsOf(message)].slice(-MAX_NEWS);
            setCall({ kind: 'running', startedAt, news });
          },
        },
      );
      setCall({ kind: 'ended', exchange, args, news });
    } catch (error) {
      const afterMs = performance.now() - startedAt;
      if (abort.signal.aborted) setCall({ kind: 'stopped', afterMs });
      else setCall({ kind: 'unreachable', why: error instanceof Error ? error.message : '' });
    }
  }

  return {
    call,
    start(args, extra = {}) {
      running.current?.abort();
      const abort = new AbortController();
      running.current = abort;
      void run(args, extra, abort);
    },
    stop() {
      running.current?.abort();
    },
  };
}
