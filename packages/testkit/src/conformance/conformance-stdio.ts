import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createConformanceInstance } from './conformance-instance.ts';
import { createConformanceWorld } from './conformance-world.ts';

// Started as a process of its own: the conformance server over stdio, both eras.
const world = createConformanceWorld();
serveStdio(() => {
  const instance = createConformanceInstance(world);
  world.onChange((change) => instance.show(change));
  return instance.server;
});
