import { z } from 'zod';

export function integer(min: number, max: number): z.ZodInt {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.int(message).min(min, message).max(max, message);
}

export const boolean: z.ZodBoolean = z.boolean('must be true or false');

export const text: z.ZodString = z.string('must be a string');

/** The schemas of the members of T; each member may be left out. */
export type OptionalShape<T> = {
  readonly [K in keyof T]-?: z.ZodOptional<z.ZodType<Exclude<T[K], undefined>>>;
};
