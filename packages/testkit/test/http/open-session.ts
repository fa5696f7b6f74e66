import { rawRequest } from '../raw-request.ts';

/** The first message of a legacy client. */
export const INITIALIZE = {
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '0' },
  },
};

/** Opens a legacy session and returns the headers that name it. */
export async function openSession(url: string): Promise<Record<string, string>> {
  const { headers } = await rawRequest(url, INITIALIZE);
  const session = { 'mcp-session-id': String(headers['mcp-session-id']) };
  await rawRequest(url, { method: 'notifications/initialized', headers: session });
  return session;
}
