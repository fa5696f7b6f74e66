// Writes service-map.schema.json from the zod schema: node --conditions=cortex-source schema/generate.mjs
import { writeFile } from 'node:fs/promises';
import { serviceMapJsonSchema } from '../src/connectors/service-map-schema.ts';

const target = new URL('service-map.schema.json', import.meta.url);
await writeFile(target, `${JSON.stringify(serviceMapJsonSchema(), null, 2)}\n`);
