import type { ByteSource } from "../byte-source.ts";
import type { EngineClient } from "../engine/client.ts";
import type { ByteSink } from "../engine/sink-buffers.ts";
import type { HelperVerb, StreamVerb, VolumeAgent } from "./agent.ts";
import { chooseDataPath, type DataPath } from "./data-path.ts";
import { checkHelper, type HelperImage } from "./image.ts";
import type { HelperReply, OnHelperProgress } from "./reply.ts";
import { HelperSession, type HelperOptions } from "./session.ts";
import { VolumeVerbs } from "./verbs.ts";

/** A helper whose image was checked and whose fastest data path is known. */
export class Helper implements VolumeAgent, AsyncDisposable {
  readonly #dataPath: DataPath;
  readonly verbs = new VolumeVerbs(this);
  readonly #session: HelperSession;

  private constructor(session: HelperSession, dataPath: DataPath) {
    this.#session = session;
    this.#dataPath = dataPath;
  }

  /**
   * Starts a helper container for a volume that exists.
   *
   * @throws NameTakenError when there is a container of that name.
   * @throws DockformError `refused` when the image would lose metadata.
   */
  static async open(
    engine: EngineClient,
    image: HelperImage,
    options: Omit<HelperOptions, "image">,
  ): Promise<Helper> {
    const session = await HelperSession.open(engine, { ...options, image: image.reference });
    try {
      const hello = await VolumeVerbs.hello(session, options.signal);
      checkHelper(hello, image);
      const dataPath = await chooseDataPath(session, hello, options.log);
      options.log.debug(
        `helper ${session.containerId.slice(0, 12)}: data goes by ${dataPath.kind}`,
      );
      return new Helper(session, dataPath);
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
  }

  get containerId(): string {
    return this.#session.containerId;
  }

  call(verb: HelperVerb, signal?: AbortSignal): Promise<HelperReply> {
    return this.#session.call(verb, signal);
  }

  send(
    verb: StreamVerb,
    source: ByteSource,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    return this.#dataPath.send(verb, source, signal, onProgress);
  }

  receive(
    verb: StreamVerb,
    sink: ByteSink,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    return this.#dataPath.receive(verb, sink, signal, onProgress);
  }

  /** Lets the container end and stay, to tell of what was not finished. */
  abandon(): Promise<void> {
    return this.#session.abandon();
  }

  /** Removes the container. A failure to do so is a warning, for the work is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}
