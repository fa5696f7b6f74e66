import type { Advice } from './advise-facts.ts';

/** A verdict with its reason. */
export type Judged = Pick<Advice, 'verdict' | 'because' | 'next'>;

/** @param setting exactly as it is written. */
export function recommend(because: string, setting: string): Judged {
  return { verdict: 'do', because, next: setting };
}

export function dissuade(because: string): Judged {
  return { verdict: 'do not', because, next: '' };
}

/** @param measure what is missing, and how to get it. */
export function undecided(because: string, measure: string): Judged {
  return { verdict: 'not enough data', because, next: measure };
}
