import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { ServiceSettings } from '../../src/service/service.ts';
import type { HeapReport } from './sample-heap.ts';
import type { Usage } from './usage.ts';

/** What stands between load and servers, or answers in their place. */
export type SubjectOptions =
  /** Cortex MCP itself, bundled as the program is. */
  | {
      readonly kind: 'ours';
      readonly connectors: readonly ConnectorDefinition[];
      readonly settings: Partial<ServiceSettings>;
      /** The `packages/mcp` of another checkout, to compare two states of the code. Default: this one. */
      readonly source?: string | undefined;
      /** The folder of its audit log. Default: it keeps none. */
      readonly auditTo?: string | undefined;
      /** Serves before its first pass is over. Default: what it answers first is complete. */
      readonly early?: boolean | undefined;
      /** As the setting of a program. Default: as its default, 32. */
      readonly heapSlackMiB?: number | undefined;
      /** Where a profile of the start and the first pass is written. Default: none is taken. */
      readonly profileTo?: string | undefined;
    }
  /** `node:http` in front of undici's `dispatch`, which knows nothing of MCP. `piped`: requests are not collected first. */
  | {
      readonly kind: 'proxy';
      readonly url: string;
      readonly piped: boolean;
      /** As `heapSlackMiB` of ours. Default: 0, as V8 does. */
      readonly heapSlackMiB?: number;
    }
  /** `node:http` in front of the standard streams of one process: ids are swapped, nothing is parsed. */
  | { readonly kind: 'relay'; readonly command: string; readonly args: readonly string[] }
  /** A gateway made of an official server and an official client: SDK 2 for `modern`, SDK 1 with sessions for `legacy`. */
  | { readonly kind: 'sdk'; readonly era: 'modern' | 'legacy'; readonly urls: readonly string[] }
  /**
   * `node:http` that answers with the same bytes whatever is asked. With a greeting, a request without a session gets that
   * and the id of one: what a connection carried first decides what it costs later.
   */
  | { readonly kind: 'bytes'; readonly body: string; readonly greeting?: string }
  /** `node:http` that opens a stream for every request and never ends it. */
  | { readonly kind: 'streams' };

export type SubjectCommand =
  | { readonly kind: 'start'; readonly options: SubjectOptions }
  | { readonly kind: 'usage' }
  /** Collects garbage first, where the process may. */
  | { readonly kind: 'settled-usage' }
  /** `streams` only: writes the text to every stream. */
  | { readonly kind: 'broadcast'; readonly text: string }
  /** Samples where time goes, from now on. */
  | { readonly kind: 'profile' }
  /** Samples who allocates, from now on; with `all` also what is collected again, else what stays. */
  | { readonly kind: 'heap'; readonly all: boolean }
  | { readonly kind: 'heap-end' }
  /** Ends a profile and writes a `.cpuprofile`. */
  | { readonly kind: 'profile-end'; readonly file: string };

export type SubjectAnswer =
  | { readonly kind: 'started'; readonly url: string }
  | { readonly kind: 'usage'; readonly usage: Usage }
  | { readonly kind: 'heap'; readonly report: HeapReport }
  | { readonly kind: 'done' }
  /** When it began, in microseconds on the clock of `process.hrtime`. */
  | { readonly kind: 'told'; readonly atUs: number }
  | { readonly kind: 'failed'; readonly why: string };
