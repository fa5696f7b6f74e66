import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createConformanceInstance } from './conformance-instance.ts';
import { createConformanceWorld } from './conformance-world.ts';

// Started as a process of its own: the conformance server over stdio, both eras.
const world = createConformanceWorld();
serveStdio(({ era }) => {
  const instance = createConformanceInstance(world);
  world.onChange((change) => {
    if (era === 'legacy' || change.kind !== 'resource') {
      instance.show(change);
      return;
    }
    // Modern clients listen instead of subscribing; the SDK tells those whose filter holds the URI.
    instance.server.server.sendResourceUpdated({ uri: change.uri }).catch(() => {
      // The connection is being closed; its client reads again anyway.
    });
  });
  return instance.server;
});
