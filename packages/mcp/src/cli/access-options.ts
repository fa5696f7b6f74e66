import type { LoadedConfig } from '../config/config.ts';
import type { ServiceOptions } from '../service/service.ts';

/** What the service is told of who is let in. */
export function accessOptions(
  { access, stateFolder }: Pick<LoadedConfig, 'access' | 'stateFolder'>,
  lasting: boolean,
): ServiceOptions['auth'] {
  const { apiKey, oauth, limits, allowedHosts, allowedOrigins } = access;
  return {
    settings: {
      apiKey: apiKey.value,
      oauth: oauth.value,
      limits: limits.value && definedLimits(limits.value),
      allowedHosts: allowedHosts.value,
      allowedOrigins: allowedOrigins.value,
    },
    stateFolder: stateFolder.value,
    watch: lasting,
  };
}

function definedLimits(
  limits: NonNullable<LoadedConfig['access']['limits']['value']>,
): Readonly<Record<string, number>> {
  const given = Object.entries(limits).filter(
    (entry): entry is [string, number] => entry[1] !== undefined,
  );
  return Object.fromEntries(given);
}
