import { takeFingerprint, type Fingerprint } from "../capture/fingerprint.ts";
import { messageOf } from "../errors.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { displayText } from "../tar/path.ts";
import type { Tools } from "../tools.ts";

/**
 * Whether anything changes in a volume that is to be removed once its copy is in place. The copy is compared with it
 * before the swap, and until the target's containers are known to be healthy a minute may go by: a container that is
 * started on the source, writes and is gone again would be seen by nobody.
 *
 * A target that leads into the source's files, by whatever way, is such a change as well.
 */
export class SourceChange {
  readonly #verbs: VolumeVerbs;
  readonly #tools: Tools;
  readonly #before: Fingerprint;

  private constructor(verbs: VolumeVerbs, tools: Tools, before: Fingerprint) {
    this.#verbs = verbs;
    this.#tools = tools;
    this.#before = before;
  }

  /** To be asked for before the volume is read. */
  static async watch(verbs: VolumeVerbs, tools: Tools): Promise<SourceChange> {
    const before = await takeFingerprint(verbs, { since: undefined, mayWait: true }, tools);
    return new SourceChange(verbs, tools, before);
  }

  /** In words; `undefined` where nothing changed, or the file system tells nothing of changes. */
  async sinceThen(): Promise<string | undefined> {
    const since = this.#before.value;
    if (since === undefined) return undefined;
    const now = await takeFingerprint(this.#verbs, { since, mayWait: false }, this.#tools).catch(
      (error: unknown): Fingerprint => ({ unreliable: messageOf(error) }),
    );
    if (now.value === undefined)
      return `whether the source changed since is not known: ${now.unreliable}`;
    if (now.value.value === since.value) return undefined;
    const { example } = now.changed;
    return `the source changed meanwhile${example === undefined ? "" : `, ${displayText(example)} for one`}`;
  }
}
