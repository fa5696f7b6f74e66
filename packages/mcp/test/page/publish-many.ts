import { API_KEY } from '../registry-fixture.ts';

async function publish(origin: string, server: object): Promise<void> {
  const $schema = 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';
  const response = await fetch(`${origin}/v0.1/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` },
    body: JSON.stringify({ $schema, ...server }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
}

/** Puts so many servers into the registry of a gateway: `io.example/server-00` and on. */
export async function publishMany(origin: string, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const name = `io.example/server-${String(at).padStart(2, '0')}`;
    await publish(origin, { name, version: '1.0.0', description: `Number ${at}.` });
  }
}
