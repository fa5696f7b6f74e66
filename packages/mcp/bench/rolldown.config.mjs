/**
 * Bundles the processes of the benches that run the service as the program is bundled, so that what is measured is what is
 * published. Each has a folder of its own below `CORTEX_BENCH_BUNDLES`.
 */
import { join } from 'node:path';
import { bundle } from '../rolldown.config.mjs';

const names = ['gateway-child', 'pass-child'];

// oxlint-disable-next-line import/no-default-export -- where the bundler looks for it
export default names.flatMap((name) =>
  bundle({
    input: { [name]: `bench/lib/${name}.ts` },
    dir: join(process.env.CORTEX_BENCH_BUNDLES, name),
  }),
);
