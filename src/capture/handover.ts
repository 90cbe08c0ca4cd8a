/**
 * Turns givers of chunks into a source of them, in their order. A chunk has been given when the next one is asked
 * for: until then its memory stays as it is.
 */
export class Handover {
  #lastGiven: Promise<void> = Promise.resolve();
  #given = Promise.withResolvers<Uint8Array | undefined>();
  #wanted = Promise.withResolvers<void>();
  #ended = false;

  give(chunk: Uint8Array): Promise<void> {
    this.#lastGiven = this.#lastGiven.then(() => this.#giveNext(chunk));
    return this.#lastGiven;
  }

  async #giveNext(chunk: Uint8Array): Promise<void> {
    if (this.#ended) return;
    this.#given.resolve(chunk);
    await this.#wanted.promise;
  }

  end(): void {
    this.#ended = true;
    this.#given.resolve(undefined);
    this.#wanted.resolve();
  }

  async *taken(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#given.promise;
      if (chunk === undefined) return;
      this.#given = Promise.withResolvers();
      if (this.#ended) this.#given.resolve(undefined);
      yield chunk;
      const { resolve } = this.#wanted;
      this.#wanted = Promise.withResolvers();
      if (this.#ended) this.#wanted.resolve();
      resolve();
    }
  }
}
