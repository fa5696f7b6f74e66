import { createHash } from 'node:crypto';
import type { ViewFilter } from '../catalog/view-filter.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import { createGlob, type Glob } from './glob.ts';
import { RULE_NAMES, type GlobRule, type Grant, type RuleName } from './grant.ts';
import { uriForms, uriPatterns } from './uri-forms.ts';

/** What a principal may see and call. Lists are filtered and calls are judged by the same object. */
export interface Policy extends ViewFilter {
  /** False when nothing is left out but what wants a scope of its own. */
  readonly partial: boolean;
}

/** Takes away what certain scopes are needed for. Default: nothing. */
export type Restrict = (grants: readonly Grant[]) => readonly Grant[];

/** How the shared endpoint calls things. */
export interface NamingScheme {
  /** Between connector id and name, e.g. `__`. */
  readonly separator: string;
  /** The name of a connector's tool or prompt on the shared endpoint: cut when it is too long. */
  readonly exposedName: (connectorId: string, name: string, separator: string) => string;
  readonly restrict?: Restrict | undefined;
}

interface Rule {
  /** Undefined allows all. */
  readonly allow: readonly Glob[] | undefined;
  readonly deny: readonly Glob[];
}

type Rules = Readonly<Record<RuleName, Rule>>;

/** Answers about connectors that are remembered. */
const MAX_REMEMBERED = 10_000;
/** Names are cut to no less than this, the hash that is put behind it left aside. */
const MIN_KEPT = 57;
const NOTHING: Rule = { allow: [], deny: [] };

const RULE_OF: Readonly<Record<ListKind, RuleName>> = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  resourceTemplates: 'resources',
};

const asWritten = (pattern: string): readonly string[] => [pattern];

function readRule(
  rule: GlobRule | undefined,
  formsOf: (pattern: string) => readonly string[] = asWritten,
): Rule {
  const read = (patterns: readonly string[]): readonly Glob[] =>
    patterns.flatMap(formsOf).map((pattern) => createGlob(pattern));
  return { allow: rule?.allow && read(rule.allow), deny: read(rule?.deny ?? []) };
}

/** A grant that names some tools does not mean everything else of their connectors as well. */
function readRules(grant: Grant): Rules {
  const isNarrowed = RULE_NAMES.some((name) => name !== 'connectors' && grant[name]?.allow);
  const rule = (name: RuleName): Rule => {
    const read = readRule(grant[name], name === 'resources' ? uriPatterns : asWritten);
    return isNarrowed && read.allow === undefined ? { ...read, allow: NOTHING.allow } : read;
  };
  return {
    connectors: readRule(grant.connectors),
    tools: rule('tools'),
    prompts: rule('prompts'),
    resources: rule('resources'),
  };
}

function some(globs: readonly Glob[], names: readonly string[]): boolean {
  return globs.some((glob) => names.some((name) => glob.matches(name)));
}

function allows({ allow }: Rule, names: readonly string[]): boolean {
  return allow === undefined || some(allow, names);
}

class GlobPolicy implements Policy {
  readonly key: string;
  readonly partial: boolean;
  readonly #grants: readonly Rules[];
  readonly #naming: NamingScheme;
  readonly #connectors = new Map<string, boolean>();

  constructor(
    { key, partial }: Pick<Policy, 'key' | 'partial'>,
    grants: readonly Grant[],
    naming: NamingScheme,
  ) {
    this.key = key;
    this.partial = partial;
    this.#grants = grants.map((grant) => readRules(grant));
    this.#naming = naming;
  }

  connector(connectorId: string): boolean {
    const known = this.#connectors.get(connectorId);
    if (known !== undefined) return known;
    const isShown =
      !this.#denies('connectors', [connectorId]) &&
      this.#grants.some((rules) => this.#showsAnything(rules, connectorId));
    if (this.#connectors.size >= MAX_REMEMBERED) this.#connectors.clear();
    this.#connectors.set(connectorId, isShown);
    return isShown;
  }

  item(kind: ListKind, connectorId: string, name: string): boolean {
    if (!this.connector(connectorId)) return false;
    const rule = RULE_OF[kind];
    if (rule === 'resources') return this.#resource(kind, connectorId, name);
    const names = this.#names(connectorId, name);
    if (this.#denies(rule, names)) return false;
    return this.#grants.some(
      (rules) => allows(rules.connectors, [connectorId]) && allows(rules[rule], names),
    );
  }

  narrows(connectorId: string): boolean {
    const beginning = this.#beginningOf(connectorId);
    return this.#grants.some(({ tools, prompts, resources }) => {
      if (resources.allow !== undefined || resources.deny.length > 0) return true;
      return [tools, prompts].some(
        ({ allow, deny }) =>
          allow !== undefined || deny.some((glob) => glob.matchesBeginning(beginning)),
      );
    });
  }

  /** A server may take `file:///docs/../x` and `file:///%78` for the same file as we do not. */
  #resource(kind: ListKind, connectorId: string, uri: string): boolean {
    const forms = uriForms(uri);
    if (forms === undefined || this.#denies('resources', forms.wide)) return false;
    return this.#grants.some((rules) => {
      if (!allows(rules.connectors, [connectorId])) return false;
      if (forms.all.every((form) => allows(rules.resources, [form]))) return true;
      return kind === 'resourceTemplates' && begins(rules, uri);
    });
  }

  /** As the shared endpoint calls it and in full: a name that is cut must not slip through a pattern for its end. */
  #names(connectorId: string, name: string): readonly string[] {
    const { separator, exposedName } = this.#naming;
    const full = `${connectorId}${separator}${name}`;
    const exposed = exposedName(connectorId, name, separator);
    return exposed === full ? [full] : [exposed, full];
  }

  /** What one grant denies, no other allows. */
  #denies(rule: RuleName, names: readonly string[]): boolean {
    return this.#grants.some((rules) => some(rules[rule].deny, names));
  }

  /** What the names of all its tools and prompts begin with. */
  #beginningOf(connectorId: string): string {
    return `${connectorId}${this.#naming.separator}`.slice(0, MIN_KEPT);
  }

  #showsAnything(rules: Rules, connectorId: string): boolean {
    if (!allows(rules.connectors, [connectorId])) return false;
    const beginning = this.#beginningOf(connectorId);
    const named = [rules.tools, rules.prompts].some(
      ({ allow }) => allow === undefined || allow.some((glob) => glob.matchesBeginning(beginning)),
    );
    return named || rules.resources.allow === undefined || rules.resources.allow.length > 0;
  }
}

/** Whether what a template describes can be allowed; each URI is judged when it is read. */
function begins({ resources: { allow } }: Rules, template: string): boolean {
  const literal = template.split('{', 1)[0] ?? '';
  return allow?.some((glob) => glob.matchesBeginning(literal)) === true;
}

/** Rules only, in one order, so that equal ones have equal texts. */
function canonical(grants: readonly Grant[]): string {
  const rules = grants.map((grant) =>
    RULE_NAMES.map((name) => [
      grant[name]?.allow?.toSorted() ?? null,
      grant[name]?.deny?.toSorted(),
    ]),
  );
  return JSON.stringify(rules.map((rule) => JSON.stringify(rule)).toSorted());
}

function isEverything(grants: readonly Grant[]): boolean {
  return (
    grants.some((grant) => RULE_NAMES.every((name) => grant[name]?.allow === undefined)) &&
    grants.every((grant) => RULE_NAMES.every((name) => (grant[name]?.deny?.length ?? 0) === 0))
  );
}

/**
 * What several grants together allow: whatever one of them allows and none denies. Undefined when that is everything,
 * which then costs nothing to judge.
 */
export function createPolicy(grants: readonly Grant[], naming: NamingScheme): Policy | undefined {
  const { restrict = (given) => given } = naming;
  const restricted = restrict(grants);
  if (isEverything(restricted)) return undefined;
  const text = canonical(restricted);
  const key = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return new GlobPolicy({ key, partial: !isEverything(grants) }, restricted, naming);
}
