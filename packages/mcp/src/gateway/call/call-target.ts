import type { CatalogView, Route } from '../../catalog/catalog.ts';
import { ownUri } from '../../catalog/resource-uri.ts';
import type { ListKind } from '../../protocol/list-kind.ts';
import type { RequestParams } from '../../protocol/json-rpc.ts';
import { findMember, objectMembers, replaceSpan } from '../../protocol/json-scan.ts';
import { ProtocolError, RPC, type JsonRpcId, type RawMember } from '../../protocol/message.ts';
import type { Era } from '../../protocol/revision.ts';
import { ownTask } from './tasks.ts';

/**
 * What a request is about: `references` are resources and templates by their own text, `extensions` whatever else a
 * modern server may understand.
 */
export type TargetKind = 'tools' | 'prompts' | 'resources' | 'references' | 'tasks' | 'extensions';

/** What a request names, by which its connector is found. */
export interface CallTarget {
  readonly kind: TargetKind;
  /** As the endpoint offers it. */
  readonly name: string;
  /** Tasks of one era are nothing to servers of the other. Default: modern. */
  readonly era?: Era;
}

interface Named {
  readonly id: JsonRpcId;
  readonly method: string;
  readonly params: RequestParams;
  /** Default: modern. */
  readonly era?: Era;
}

/** Methods that go to the upstream which offers the name or URI. */
const NAMED: ReadonlyMap<string, NamedMethod> = new Map([
  ['tools/call', { kind: 'tools', key: 'name' }],
  ['prompts/get', { kind: 'prompts', key: 'name' }],
  ['resources/read', { kind: 'resources', key: 'uri' }],
]);
/** As `NAMED`, for modern clients. */
const TASK: NamedMethod = { kind: 'tasks', key: 'taskId' };
const NAMED_MODERN: ReadonlyMap<string, NamedMethod> = new Map([
  ['tasks/get', TASK],
  ['tasks/update', TASK],
  ['tasks/cancel', TASK],
]);
/** As `NAMED`, for sessions. */
const NAMED_LEGACY: ReadonlyMap<string, NamedMethod> = new Map([
  ['tasks/get', TASK],
  ['tasks/result', TASK],
  ['tasks/cancel', TASK],
]);
/** What a completion can be for, by the type of its reference. */
const REFERENCES: ReadonlyMap<unknown, NamedMethod> = new Map([
  ['ref/prompt', { kind: 'prompts', key: 'name' }],
  ['ref/resource', { kind: 'references', key: 'uri' }],
]);
const COMPLETE = 'completion/complete';
/** Methods that are between a client and us, or gone from the modern revision. */
const NEVER_FORWARDED =
  /^(initialize|ping|server\/.*|subscriptions\/.*|logging\/setLevel|resources\/(un)?subscribe|tasks\/(list|result)|notifications\/.*)$/;

interface NamedMethod {
  readonly kind: TargetKind;
  readonly key: 'name' | 'uri' | 'taskId';
}

/** Whether a method is forwarded to the connector that offers what it names. */
export function isForwarded(method: string): boolean {
  return NAMED.has(method) || method === COMPLETE;
}

/**
 * Whether a method of a modern client is forwarded beside those of both eras: tasks to the server that has them, on an
 * endpoint of one modern server everything we do not know ourselves.
 */
export function isForwardedModern(method: string, view: CatalogView<unknown>): boolean {
  if (NAMED_MODERN.has(method)) return true;
  // What an unknown method does cannot be judged by the names of tools.
  const [server] = view.servers;
  if (server !== undefined && view.filter?.narrows(server.connectorId) === true) return false;
  return view.info?.era === 'modern' && !NEVER_FORWARDED.test(method);
}

function invalid(id: JsonRpcId, why: string): ProtocolError {
  return new ProtocolError(RPC.invalidParams, `Invalid params: ${why}`, { id });
}

/**
 * What a request names.
 * @throws ProtocolError `-32602` when it names nothing.
 */
export function targetOf({ id, method, params, era }: Named): CallTarget {
  if (method === COMPLETE) return referenceOf(id, params);
  const more = era === 'legacy' ? NAMED_LEGACY : NAMED_MODERN;
  const named = NAMED.get(method) ?? more.get(method);
  if (named === undefined) return { kind: 'extensions', name: '' };
  const name = params.value[named.key];
  if (typeof name === 'string' && name !== '') {
    return named === TASK
      ? { kind: 'tasks', name, era: era ?? 'modern' }
      : { kind: named.kind, name };
  }
  throw invalid(id, `${named.key} must be a string`);
}

/** What a completion is asked for: `ref/prompt` by name, `ref/resource` by URI or template. */
function referenceOf(id: JsonRpcId, { members, value }: RequestParams): CallTarget {
  const { ref } = value;
  if (typeof ref !== 'object' || ref === null) throw invalid(id, 'ref must be an object');
  const text = members.find(({ key }) => key === 'ref')?.text ?? '';
  const keys = objectMembers(text).map(({ key }) => key);
  if (new Set(keys).size !== keys.length) throw invalid(id, 'a key of ref is given twice');
  const reference = REFERENCES.get(Reflect.get(ref, 'type'));
  if (reference === undefined) throw invalid(id, 'ref.type must be ref/prompt or ref/resource');
  const name: unknown = Reflect.get(ref, reference.key);
  if (typeof name === 'string' && name !== '') return { kind: reference.kind, name };
  throw invalid(id, `ref.${reference.key} must be a string`);
}

function nameOrUri(kind: TargetKind): 'name' | 'uri' {
  return kind === 'tools' || kind === 'prompts' ? 'name' : 'uri';
}

/** The members of a request in the upstream's names: only the name or URI ever differs. */
export function renamedMembers(
  { kind }: CallTarget,
  { method, params: { members } }: Pick<Named, 'method' | 'params'>,
  upstreamName: string,
): readonly RawMember[] {
  const nameKey = kind === 'tasks' ? 'taskId' : nameOrUri(kind);
  const key = method === COMPLETE ? 'ref' : nameKey;
  const nameText = JSON.stringify(upstreamName);
  return members.map((member) => {
    if (member.key !== key) return member;
    if (key !== 'ref') return { key, text: nameText };
    const span = findMember(objectMembers(member.text), nameKey);
    return span === undefined ? member : { key, text: replaceSpan(member.text, span, nameText) };
  });
}

/** The route of what a request names; undefined when nobody offers it, or the client may not see it. */
export function findRoute<T>(view: CatalogView<T>, target: CallTarget): Route<T> | undefined {
  const route = lookUp(view, target);
  const isHidden = route !== undefined && view.filter !== undefined && hides(view, target, route);
  return isHidden ? undefined : route;
}

/** What a filtered view itself does not tell: its maps and lists are filtered, but not everything is listed. */
function hides<T>({ filter }: CatalogView<T>, { kind }: CallTarget, route: Route<T>): boolean {
  if (filter === undefined) return false;
  const { connectorId, upstreamName } = route;
  if (kind === 'resources') return !filter.item('resources', connectorId, upstreamName);
  if (kind === 'references') {
    const shows = (list: ListKind): boolean => filter.item(list, connectorId, upstreamName);
    return !shows('resources') && !shows('resourceTemplates');
  }
  return kind === 'extensions' && filter.narrows(connectorId);
}

function lookUp<T>(view: CatalogView<T>, target: CallTarget): Route<T> | undefined {
  const { kind, name } = target;
  if (kind === 'tools' || kind === 'prompts') return view[kind].get(name);
  if (kind === 'tasks' || kind === 'extensions') return serverRoute(view, target);
  if (kind === 'resources') return resourceRoute(view, name);
  const template = view.templates.find((candidate) => candidate.template === name);
  return template?.route ?? lookUp(view, { kind: 'resources', name });
}

/**
 * Resources need not be listed: a tool's answer may link to others (spec 2025-11-25, server/tools). Where there is but
 * one server, it is asked.
 */
function resourceRoute<T>(view: CatalogView<T>, uri: string): Route<T> | undefined {
  const known = view.resources.get(uri) ?? templateRoute(view, uri);
  if (known !== undefined || view.info?.capabilities['resources'] === undefined) return known;
  const [server] = view.servers;
  return server && { connectorId: server.connectorId, target: server.target, upstreamName: uri };
}

/** A URI nobody lists may still be one a template describes: the longest literal beginning wins. */
function templateRoute<T>(view: CatalogView<T>, uri: string): Route<T> | undefined {
  const match = view.templates.find(({ prefix }) => prefix !== '' && uri.startsWith(prefix));
  if (match === undefined) return undefined;
  const { route, namespaced } = match;
  return { ...route, upstreamName: namespaced ? ownUri(uri, route.connectorId) : uri };
}

/** The route to a server, where the request itself names no item of it. */
function serverRoute<T>(
  view: CatalogView<T>,
  { kind, name, era = 'modern' }: CallTarget,
): Route<T> | undefined {
  const task = view.info === undefined && kind === 'tasks' ? ownTask(name) : undefined;
  const server =
    view.info === undefined
      ? view.servers.find(({ connectorId }) => connectorId === task?.connectorId)
      : view.servers[0];
  if (server?.info.era !== era) return undefined;
  if (era === 'legacy' && server.info.capabilities['tasks'] === undefined) return undefined;
  const { connectorId, target } = server;
  return { connectorId, target, upstreamName: task?.taskId ?? name };
}
