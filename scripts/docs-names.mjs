/** Names in prose that only the sources can vouch for: metrics, routes, codes, keys of the configuration, headings. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.mjs';

const schemaFile = join(root, 'packages', 'mcp', 'schema', 'config.schema.json');

/** `mcp_gateway_calls_total`; a family that ends in `_…` or `*` is its beginning. */
export function missingMetrics(text, sources) {
  const named = new Set(text.match(/\b(?:mcp|brainwav_mcp)_[a-z0-9]+(?:_[a-z0-9]+)+\b/g) ?? []);
  return [...named]
    .filter((name) => {
      const base = name.replace(/_(?:bucket|sum|count)$/, '');
      return !sources.includes(name) && !sources.includes(base);
    })
    .map((name) => `metric ${name}`);
}

/** Folders of systems, which are no routes. */
const systemPaths =
  /^\/(?:etc|opt|var|run|usr|srv|data|path|proc|sys|tmp|home|dev|Users|root|mnt)(?:\/|$)/;

/** `/status`, `/v0.1/servers`, `/mcp/{connector}`: their first part is a route of the sources. */
export function missingRoutes(spans, sources) {
  return spans
    .map((span) => /^(?:GET |POST |DELETE |PUT )?(\/[a-z0-9._~-]+)(?:[/?{*]|$)/.exec(span)?.[1])
    .filter((route) => route !== undefined && !systemPaths.test(route))
    .filter((route) => !sources.includes(`'${route}`) && !sources.includes(`\`${route}`))
    .map((route) => `route ${route}`);
}

/** `BREAKER_OPEN`: anything that is written like a code. */
export function missingCodes(spans, sources) {
  const shouted = spans.filter((span) => /^(?!OTEL_)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(span));
  return [...new Set(shouted)]
    .filter((name) => !sources.includes(name))
    .map((name) => `name ${name}`);
}

const parents =
  /^(?:audit|pins|serviceMap|timeouts|quotas|bulkhead|auth\.(?:oauth|limits))(?:\.\w+)+$/;

/** `timeouts.idleTimeoutMs`: each part is a key of the schema. */
export function missingKeys(spans) {
  const schema = readFileSync(schemaFile, 'utf8');
  return spans
    .filter((span) => parents.test(span) && !/\.(?:json|jsonl|lock|log)\b/.test(span))
    .filter((span) => span.split('.').some((key) => !schema.includes(`"${key}": `)))
    .map((span) => `key ${span}`);
}

/** The place of a heading, as GitHub and editors make it. */
function anchorOf(heading) {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

function anchorsOf(file) {
  const text = readFileSync(file, 'utf8').replaceAll(/^```.*?^```/gms, '');
  const seen = new Map();
  const anchors = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const anchor = anchorOf(heading.trim());
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
  return new Set(anchors);
}

/** Links that lead to a heading which is not there. */
export function missingAnchors(file, prose) {
  return [...prose.matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)]
    .filter(([, target]) => !/^\w+:/.test(target))
    .map(([, target, anchor]) => [target === '' ? file : join(dirname(file), target), anchor])
    .filter(([target, anchor]) => existsSync(target) && !anchorsOf(target).has(anchor))
    .map(([target, anchor]) => `heading #${anchor} in ${target.slice(root.length + 1)}`);
}
