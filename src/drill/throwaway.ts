import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { isNotFound, type EngineClient } from "../engine/client.ts";
import {
  attachContainer,
  listContainers,
  startContainer,
  type ContainerSummary,
} from "../engine/containers.ts";
import { createContainerSurely } from "../engine/create-container.ts";
import { createIsolatedNetwork, listNetworks, removeNetwork } from "../engine/networks.ts";
import { listVolumes, removeVolume } from "../engine/volumes.ts";
import { messageOf } from "../errors.ts";
import { hardened } from "../helper/container.ts";
import { removeHelper } from "../helper/session.ts";
import { HELPER_LABEL } from "../journal/operation.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

/** What belongs to one throw-away volume carries its id in this label. */
const ID_LABEL = "io.dockform.throwaway";
const OF_LABEL = "io.dockform.throwaway.of";
const STARTED_LABEL = "io.dockform.throwaway.started_at";
const NAME_PREFIX = "dockform-throwaway-";
const HOLDER = "throwaway-holder";
const CLEANUP_TIMEOUT_MS = 60_000;
/** From its creation to its start a holder takes moments. */
const UNSTARTED_LIMIT_MS = 600_000;

/**
 * A volume for a trial restore, with everything that is made around it, removed in the end. A small
 * container holds it: it ends when this client's connection does, and what then still carries the id is
 * known to be a leftover.
 */
export class ThrowAwayVolume implements AsyncDisposable {
  readonly name: string;
  /** For everything else that is to go away with the volume. */
  readonly labels: Readonly<Record<string, string>>;
  readonly target: VolumeTarget;
  readonly #id: string;
  readonly #tools: Tools;
  readonly #connection: Duplex;

  private constructor(parts: {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly like: VolumeTarget;
    readonly tools: Tools;
    readonly connection: Duplex;
  }) {
    this.#id = parts.id;
    this.name = parts.name;
    this.labels = parts.labels;
    this.#tools = parts.tools;
    this.#connection = parts.connection;
    this.target = { ...parts.like, volume: parts.name, declared: false, declaredShape: undefined };
  }

  /** Makes one in the engine of a volume, for a snapshot of that volume. */
  static async create(like: VolumeTarget, tools: Tools): Promise<ThrowAwayVolume> {
    const { engine } = like;
    const id = randomBytes(6).toString("hex");
    const name = `${NAME_PREFIX}${id}`;
    const labels = {
      [ID_LABEL]: id,
      [OF_LABEL]: like.volume,
      [STARTED_LABEL]: tools.now().toISOString(),
    };
    const { reference } = await like.findHelperImage();
    try {
      const definition = holderDefinition(reference, name, labels);
      const holder = await createContainerSurely(engine, name, definition, tools);
      const connection = await attachContainer(engine, holder, tools.signal);
      connection.on("error", () => {}).resume();
      await startContainer(engine, holder, tools.signal);
      return new ThrowAwayVolume({ id, name, labels, like, tools, connection });
    } catch (error) {
      await removeAll(engine, id);
      throw error;
    }
  }

  /** A network that leads nowhere; returns its name. */
  async network(): Promise<string> {
    await createIsolatedNetwork(this.target.engine, this.name, this.labels);
    return this.name;
  }

  /** Removes all that carries the id. A failure is a warning: the next drill removes what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
    try {
      await removeAll(this.target.engine, this.#id);
    } catch (error) {
      this.#tools.log.warn(
        `cannot remove the throw-away volume ${this.name} now; the next drill does: ${messageOf(error)}`,
      );
    }
  }
}

/** The engine makes the volume together with the container, so that none is without its holder. */
function holderDefinition(
  image: string,
  volume: string,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return hardened({
    image,
    entrypoint: ["sh", "-c", "read line"],
    labels: { ...labels, [HELPER_LABEL]: HOLDER },
    mounts: [
      {
        Type: "volume",
        Source: volume,
        Target: "/volume",
        ReadOnly: true,
        VolumeOptions: { NoCopy: true, Labels: labels },
      },
    ],
    pidsLimit: 16,
    lastsAsConnection: true,
    isRemovedAtEnd: true,
  });
}

/** Whether a volume is one of these: nothing in it has to be recovered. */
export function isThrowAway(volume: string): boolean {
  return volume.startsWith(NAME_PREFIX);
}

/** What a trial restore left behind whose client died. */
export interface Leftover {
  readonly id: string;
  /** The volume of whose snapshot it was. */
  readonly of: string;
}

/** What trial restores left behind in an engine; those that are under way are none. */
export async function findTrials(
  engine: EngineClient,
  now: Date,
  signal: AbortSignal,
): Promise<readonly Leftover[]> {
  const [containers, volumes, networks] = await Promise.all([
    listContainers(engine, { filters: { label: [ID_LABEL] }, signal }),
    listVolumes(engine, signal),
    listNetworks(engine, ID_LABEL, signal),
  ]);
  const held = new Set(
    containers.filter((each) => isHolding(each, now)).map(({ labels }) => labels[ID_LABEL]),
  );
  const found = new Map<string, Leftover>();
  for (const { labels } of [...containers, ...volumes, ...networks]) {
    const { [ID_LABEL]: id, [OF_LABEL]: of = "an unknown volume" } = labels;
    if (id !== undefined && !held.has(id)) found.set(id, { id, of });
  }
  return [...found.values()];
}

function isHolding({ labels, state }: ContainerSummary, now: Date): boolean {
  if (labels[HELPER_LABEL] !== HOLDER) return false;
  if (state !== "created") return state === "running";
  const ageMs = now.getTime() - Date.parse(labels[STARTED_LABEL] ?? "");
  return ageMs < UNSTARTED_LIMIT_MS;
}

/** Removes what trial restores left behind; returns what that was. */
export async function removeLeftovers(
  engine: EngineClient,
  tools: Tools,
): Promise<readonly Leftover[]> {
  const leftovers = await findTrials(engine, tools.now(), tools.signal);
  for (const { id, of } of leftovers) {
    tools.log.info(`Removing what an interrupted trial restore of ${of} left behind`);
    await removeAll(engine, id);
  }
  return leftovers;
}

/** Containers first, for they hold the volumes and the network. */
async function removeAll(engine: EngineClient, id: string): Promise<void> {
  const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
  const isOurs = ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
    labels[ID_LABEL] === id;
  const volumes = (await listVolumes(engine, signal)).filter(isOurs);
  const names = new Set(volumes.map(({ name }) => name));
  const usesOne = ({ mounts }: ContainerSummary): boolean =>
    mounts.some(({ name }) => name !== undefined && names.has(name));
  const containers = (await listContainers(engine, { signal })).filter(
    (each) => isOurs(each) || (HELPER_LABEL in each.labels && usesOne(each)),
  );
  await Promise.all(containers.map((each) => removeHelper(engine, each.id)));
  for (const { name } of volumes) await unlessGone(removeVolume(engine, name, signal));
  for (const network of (await listNetworks(engine, ID_LABEL, signal)).filter(isOurs)) {
    await unlessGone(removeNetwork(engine, network.id, signal));
  }
}

/** Anonymous volumes go with their container. */
async function unlessGone(removed: Promise<void>): Promise<void> {
  await removed.catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
