/** Environment variables as Node gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** This process's environment, copied once so that later changes to it cannot reach a running service. */
export function processEnvironment(): Environment {
  return { ...process.env };
}

/** The variables that have a value. */
export function definedVariables(env: Environment): Record<string, string> {
  const defined = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(defined);
}

/** A variable's value; unset and empty are the same thing here. */
export function readVariable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === '' ? undefined : value;
}
