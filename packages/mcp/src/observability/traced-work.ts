import type { SpanAttributes, Tracing } from './tracing.ts';

/** Does `run` as a span of its own; what it begins meanwhile is part of it. */
export type Traced = <T>(
  name: string,
  run: () => Promise<T>,
  about?: {
    readonly attributes?: SpanAttributes;
    /** Why the work failed although it resolved; undefined: it went well. */
    readonly failure?: (result: T) => string | undefined;
  },
) => Promise<T>;

/** Work that nobody records. */
export const UNTRACED: Traced = async (_name, run) => await run();

export function createTraced(tracing: Tracing): Traced {
  return async (name, run, { attributes, failure } = {}) => {
    const span = tracing.start(name, { attributes });
    try {
      const result = await tracing.within(span, run);
      span.end(failure?.(result));
      return result;
    } catch (error) {
      span.end(error instanceof Error ? error.name : 'Error');
      throw error;
    }
  };
}
