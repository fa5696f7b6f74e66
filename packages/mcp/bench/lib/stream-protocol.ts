/** What the process with many idle clients is told. */
export type StreamCommand =
  /** Opens so many more clients, each with a stream; with `session` they are legacy clients that say hello first. */
  | {
      readonly kind: 'open';
      readonly url: string;
      readonly count: number;
      readonly session: boolean;
      /** Each subscribes to this resource. */
      readonly subscribe?: string | undefined;
    }
  /** Forgets what has arrived. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'arrivals' }
  | { readonly kind: 'close' };

export type StreamAnswer =
  | { readonly kind: 'done' }
  /** When the events of each stream came, in order: microseconds of the machine's monotonic clock. */
  | { readonly kind: 'arrivals'; readonly streams: readonly (readonly number[])[] }
  | { readonly kind: 'failed'; readonly why: string };
