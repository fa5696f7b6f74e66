import { describe, expect, test } from 'vitest';
import { ask, call, listen, members, never, open, parsed, received } from './fixtures-stdio/rig.ts';

describe('era', () => {
  test('auto: a result to server/discover means modern', async () => {
    const { upstream } = open(['--era=modern']);
    expect(await upstream.connect(never)).toEqual({
      era: 'modern',
      protocolVersion: '2026-07-28',
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'fixture', version: '2' },
      instructions: undefined,
    });
    const lines = await received(upstream);
    const methods = lines.map((line) => parsed(line)['method']);
    expect(methods).toEqual(['server/discover', 'subscriptions/listen', 'test']);
    expect(upstream.phase).toBe('ready');
  });

  test('auto: an error means legacy, on the same process', async () => {
    const { upstream, stderr } = open(['--helper']);
    expect(await upstream.connect(never)).toEqual({
      era: 'legacy',
      protocolVersion: '2025-11-25',
      capabilities: { tools: { listChanged: true } },
      serverInfo: { name: 'fixture', version: '1' },
      instructions: 'be kind',
    });
    expect(stderr).toHaveLength(1);
    const lines = await received(upstream);
    const methods = lines.map((line) => parsed(line)['method']);
    expect(methods).toEqual(['server/discover', 'initialize', 'notifications/initialized', 'test']);
  });

  test('auto: silence brings initialize after probeMs, and the probe is not repeated', async () => {
    const { upstream } = open(['--discover=ignore'], { probeMs: 50 });
    expect((await upstream.connect(never)).era).toBe('legacy');
    await expect(ask(upstream, { do: 'exit', code: 0 })).rejects.toThrow('exited with code 0');
    const lines = await received(upstream);
    expect(lines[0]).toContain('"initialize"');
  });

  test('auto: a process that dies of the probe is started again as legacy, and never probed again', async () => {
    const { upstream, closed } = open(['--discover=exit']);
    expect((await upstream.connect(never)).era).toBe('legacy');
    expect(closed).toEqual([]);
    await expect(ask(upstream, { do: 'exit', code: 0 })).rejects.toThrow('exited with code 0');
    const lines = await received(upstream);
    expect(lines[0]).toContain('"initialize"');
  });

  test('a slow modern server is still recognised after probeMs', async () => {
    const { upstream } = open(['--era=modern'], { probeMs: 1 });
    expect((await upstream.connect(never)).era).toBe('modern');
  });

  test.for([
    ['legacy', [], 'initialize'],
    ['modern', ['--era=modern'], 'server/discover'],
  ] as const)('%s pinned: only its own handshake is sent', async ([era, args, first]) => {
    const { upstream } = open(args, {}, { era });
    expect((await upstream.connect(never)).era).toBe(era);
    const lines = await received(upstream);
    expect(lines[0]).toContain(JSON.stringify(first));
  });

  test('modern pinned: a legacy server is refused with its own words, and ended', async () => {
    const { upstream } = open([], {}, { era: 'modern' });
    await expect(upstream.connect(never)).rejects.toMatchObject({
      code: 'RPC_ERROR',
      phase: 'handshake',
      rpcCode: -32601,
      message: 'the server answered server/discover with error -32601: Method not found',
    });
    expect(upstream.phase).toBe('handshake');
    expect(upstream.pid).toBeUndefined();
  });

  test('an unknown protocol revision is a BAD_RESPONSE', async () => {
    const { upstream } = open(['--version=1999-01-01']);
    await expect(upstream.connect(never)).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      phase: 'handshake',
    });
  });
});

const ENVELOPE = members({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'far client' },
  'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
});

describe('envelope', () => {
  test.for([
    ['legacy client, modern server', ['--era=modern'], 'legacy', []],
    ['modern client, modern server', ['--era=modern'], 'modern', ENVELOPE],
    ['modern client, legacy server', [], 'modern', ENVELOPE],
    ['legacy client, legacy server', [], 'legacy', []],
  ] as const)(
    'forward() gives each era the _meta it knows: %s',
    async ([, args, era, envelope]) => {
      const { upstream } = open(args);
      const extra = members({ traceparent: '00-1', 'x.test/y': 1 });
      const request = call({ do: 'echo' }, { clientEra: era, meta: [...envelope, ...extra] });
      const { sink, outcome } = listen();
      upstream.forward(request, sink);
      const [kind, text] = await outcome;
      const modern = args.length > 0;
      expect(kind).toBe(modern ? 'result modern' : 'result legacy');
      const client = era === 'modern' ? { name: 'far client' } : { name: 'test', version: '0' };
      expect(parsed(String(text))['_meta']).toEqual({
        traceparent: '00-1',
        'x.test/y': 1,
        ...(modern && {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': client,
          'io.modelcontextprotocol/clientCapabilities': era === 'modern' ? { elicitation: {} } : {},
        }),
      });
    },
  );
});
