/** What is said of one stable code, in `docs/errors.md`, by `cortex-mcp explain` and in the data of errors. */
export interface ErrorFacts {
  /** What happened, in one sentence. */
  readonly meaning: string;
  /** What it usually comes from, the commonest first. */
  readonly causes: readonly string[];
  /** What to do, short enough for a line of a terminal. */
  readonly remedy: string;
}

export type ErrorTable = Readonly<Record<string, ErrorFacts>>;
