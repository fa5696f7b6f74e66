// Writes both schemas from the zod ones: node --conditions=cortex-source schema/generate.mjs
import { writeFile } from 'node:fs/promises';
import { configJsonSchema } from '../src/config/config-schema.ts';
import { serviceMapJsonSchema } from '../src/connectors/map/service-map-schema.ts';

const schemas = {
  'config.schema.json': configJsonSchema(),
  'service-map.schema.json': serviceMapJsonSchema(),
};
for (const [file, schema] of Object.entries(schemas)) {
  await writeFile(new URL(file, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`);
}
