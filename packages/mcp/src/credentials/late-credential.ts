import type { CredentialRefusal, RequestCredential } from './request-credential.ts';

/** A credential whose code is loaded by the first request that needs it. */
export class LateCredential<T extends RequestCredential> implements RequestCredential {
  readonly connectorId: string;
  readonly origin: string;
  readonly #create: () => Promise<T>;
  #creating: Promise<T> | undefined;
  #made: T | undefined;

  constructor(
    about: { readonly connectorId: string; readonly origin: string },
    create: () => Promise<T>,
  ) {
    this.connectorId = about.connectorId;
    this.origin = about.origin;
    this.#create = create;
  }

  /** Undefined until it was needed. */
  get made(): T | undefined {
    return this.#made;
  }

  current(): string | undefined {
    return this.#made?.current();
  }

  async acquire(): Promise<string | undefined> {
    return await (await this.#get()).acquire();
  }

  async refused(refusal: CredentialRefusal): Promise<string> {
    return await (await this.#get()).refused(refusal);
  }

  async #get(): Promise<T> {
    this.#creating ??= this.#create();
    this.#made ??= await this.#creating;
    return this.#made;
  }
}
