export { CONFORMANCE_STDIO } from './conformance/conformance-command.ts';
export {
  startConformanceServer,
  type ConformanceServer,
  type ConformanceServerOptions,
} from './conformance/conformance-server.ts';
export { cpuMs } from './cpu-time.ts';
export { parseExactJson } from './features/exact-json.ts';
export {
  startGuardedServer,
  type GuardedServer,
  type GuardedServerOptions,
  type GuardVerdict,
} from './oauth/guarded-server.ts';
export {
  startOAuthServer,
  type OAuthSeen,
  type OAuthServerOptions,
  type OAuthTestClient,
  type OAuthTestServer,
} from './oauth/oauth-server.ts';
export type { ConformanceWorld, WorldChange } from './conformance/conformance-world.ts';
export type {
  AnyOddForm,
  Crash,
  Fault,
  FaultScope,
  HangBeforeHeaders,
  HangMidBody,
  HttpFault,
  HttpOddForm,
  NeverHandshake,
  OddContent,
  Oversize,
  Reset,
  Session400,
  Session404,
  SlowBytes,
  SseCut,
  Status,
  StdioFault,
  StdioNeverHandshake,
  StdioOddForm,
  TcpRefuse,
} from './fault.ts';
export { ODD_CONTENT_JSON, ODD_META_JSON, ODD_STRUCTURED_JSON } from './features/odd-result.ts';
export { TINY_PNG } from './features/standard-tools.ts';
export { startGreedyTcp, type GreedyTcp } from './greedy-tcp.ts';
export { leastMs, type LeastTimeOptions } from './least-time.ts';
export {
  allProcesses,
  countChildren,
  isAlive,
  processTree,
  type ProcessEntry,
} from './process-tree.ts';
export { startFleet, startUpstream, type Fleet } from './start-upstream.ts';
export { tempFolder, type TempFolder } from './temp-folder.ts';
export type {
  FleetKind,
  HttpKind,
  HttpUpstream,
  HttpUpstreamOptions,
  RunningUpstream,
  StdioKind,
  StdioUpstream,
  StdioUpstreamOptions,
  UpstreamCounts,
  UpstreamFor,
  UpstreamOptions,
} from './upstream.ts';
export { waitUntil, type WaitUntilOptions } from './wait-until.ts';
