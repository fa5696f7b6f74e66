/** Where a value came from, in order of precedence (contract.md). */
export type SettingOrigin =
  | { readonly kind: 'flag'; readonly name: string }
  | { readonly kind: 'environment'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string }
  /** Decided by the rollout cohort, over environment and file (S4-35). */
  | { readonly kind: 'rollout'; readonly percent: number }
  | { readonly kind: 'default' };

/** A value and where it came from. */
export interface Setting<T> {
  readonly value: T;
  readonly origin: SettingOrigin;
}

/** `--port`, `MCP_PORT`, the file's path, `rollout 10 %` or `default`. */
export function describeOrigin(origin: SettingOrigin): string {
  if (origin.kind === 'rollout') return `rollout ${origin.percent} %`;
  if (origin.kind === 'flag') return origin.name;
  if (origin.kind === 'environment') return origin.variable;
  return origin.kind === 'file' ? origin.path : 'default';
}
