import type { Usage } from './usage.ts';

/** Servers written by hand on `node:http`, so that they are never what is measured. */
export interface RawServerOptions {
  readonly era: 'modern' | 'legacy';
  readonly count: number;
  /** Tools that are called: their names say how much they answer. */
  readonly tools: readonly string[];
  /** Tools that are only listed, on each server. */
  readonly listed: number;
  /** Legacy: answer calls by an event stream, as servers of the official SDK do. */
  readonly events?: boolean | undefined;
}

/** `hang`: takes requests and answers nothing. `dead`: does not listen; when it does again, its sessions are forgotten. */
export type RawFault = 'none' | 'hang' | 'dead';

export type Announcement = 'tools' | 'resource';

export type RawServerCommand =
  | { readonly kind: 'start'; readonly options: RawServerOptions }
  | { readonly kind: 'fault'; readonly at: number; readonly fault: RawFault }
  /** Tells everybody who listens at that server: one tool more, or a resource that changed. */
  | { readonly kind: 'announce'; readonly at: number; readonly what: Announcement }
  /** Tells of a changed resource again and again. */
  | {
      readonly kind: 'burst';
      readonly at: number;
      readonly count: number;
      readonly perSecond: number;
    }
  | { readonly kind: 'usage' };

export type RawServerAnswer =
  | { readonly kind: 'started'; readonly urls: readonly string[] }
  | { readonly kind: 'done' }
  /** When it began, in microseconds on the clock of `process.hrtime`. */
  | { readonly kind: 'told'; readonly atUs: number }
  | { readonly kind: 'burst'; readonly atUs: readonly number[] }
  | { readonly kind: 'usage'; readonly usage: Usage };
