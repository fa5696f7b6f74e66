export { UpstreamError } from './upstream/upstream-error.ts';
