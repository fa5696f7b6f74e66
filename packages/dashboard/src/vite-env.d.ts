declare module '*.css';

declare module 'virtual:error-texts' {
  /** The entries of docs/errors.md by code. */
  export const errorTexts: Readonly<Record<string, string>>;
}
