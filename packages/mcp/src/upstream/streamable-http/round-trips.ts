/** Counts how often our own requests waited for an answer before the next could go: what latency costs a sync. */
export interface RoundTrips {
  /** A request of ours begins; call what is returned when it is over. */
  begin(): () => void;
}

/** @param counted called for each round trip; requests that are under way together are one. */
export function createRoundTrips(counted: () => void): RoundTrips {
  let begun = 0;
  let over = 0;
  return {
    begin() {
      const place = over + 1;
      if (place > begun) {
        begun = place;
        counted();
      }
      return () => {
        over = Math.max(over, place);
      };
    },
  };
}
