import { CALL_ERRORS } from './errors/call-errors.ts';
import { CONNECTOR_ERRORS } from './errors/connector-errors.ts';
import { MAP_ERRORS } from './errors/map-errors.ts';

/** What can be done about an error, as data of it: a line for people, and where more is said. */
export interface ErrorRemedy {
  readonly remedy: string;
  /** `docs/errors.md#timeout`, the place of the code in the documentation. */
  readonly docs: string;
}

/** What may carry a remedy: anything with a stable code. */
interface Coded {
  readonly code: string;
}

/** The anchor that Markdown renderers give the heading of a code. */
export function docsOf(code: string): string {
  return `docs/errors.md#${code.toLowerCase()}`;
}

/**
 * What to do about a code that a running service tells: of connectors, of calls, of service maps. Undefined for
 * others, which are the server's own. The whole table is `errors/all-errors.ts`.
 */
export function remedyOf(code: string): ErrorRemedy | undefined {
  for (const table of [CONNECTOR_ERRORS, CALL_ERRORS, MAP_ERRORS]) {
    const facts = Object.hasOwn(table, code) ? table[code] : undefined;
    if (facts !== undefined) return { remedy: facts.remedy, docs: docsOf(code) };
  }
  return undefined;
}

/** The same failure with what to do about it, for status and data of errors. Unknown codes stay as they are. */
export function withRemedy<const T extends Coded>(failure: T): T & Partial<ErrorRemedy> {
  return { ...failure, ...remedyOf(failure.code) };
}
