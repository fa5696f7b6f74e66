/** Names that are allowed and names that are not; the latter win. Without `allow` all others are allowed. */
export interface GlobRule {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

/** What somebody may do, see and call. */
export interface Grant {
  /** `client`, `operator`, `registry:write`, `metrics:read`. */
  readonly scopes: readonly string[];
  /** By connector id. */
  readonly connectors?: GlobRule | undefined;
  /** By name on the shared endpoint, `<connector>__<tool>`. */
  readonly tools?: GlobRule | undefined;
  /** As `tools`. Once tools or resources are narrowed down by `allow`, prompts are only what is allowed here. */
  readonly prompts?: GlobRule | undefined;
  /** By URI. Once tools or prompts are narrowed down by `allow`, resources are only what is allowed here. */
  readonly resources?: GlobRule | undefined;
}

/** The most patterns of one rule. */
export const MAX_GLOBS = 256;
/** The rules of a grant. */
export const RULE_NAMES = ['connectors', 'tools', 'prompts', 'resources'] as const;
export type RuleName = (typeof RULE_NAMES)[number];
/** Scopes that something here asks for. */
export const SCOPES = ['client', 'operator', 'registry:write', 'metrics:read'] as const;
