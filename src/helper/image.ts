import { createHash } from "node:crypto";
import type { EngineClient } from "../engine/client.ts";
import { buildImage, findImage, imagesNamed, importImage, pullImage } from "../engine/images.ts";
import { engineInfo } from "../engine/system.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { StartWait } from "../wait.ts";
import { hostRecipe, packHostRootfs, type HostRecipe, type HostSystem } from "./host-rootfs.ts";
import { packDockerfile } from "./dockerfile.ts";
import type { Hello } from "./verbs.ts";
import { IMAGE_ADVICE } from "./session.ts";

const REPOSITORY = "dockform-helper";

/** Built once per engine, never in the data path. */
const ALPINE_DOCKERFILE = `FROM alpine:3.23.5
RUN apk add --no-cache tar zstd acl attr findutils perl
`;

/** A registry that does not answer must not hold up a first snapshot for long. */
const BUILD_TIMEOUT_MS = 120_000;

export interface HelperImage {
  readonly reference: string;
  /** How it came about, for `-v` and `doctor`. */
  readonly origin:
    | "named by you"
    | "prepared earlier"
    | "built from Alpine"
    | "assembled from this machine's tools";
}

export interface HelperImageOptions {
  /** The manifest's `helper.image`, or DOCKFORM_HELPER_IMAGE. */
  readonly named: string | undefined;
  readonly host: HostSystem;
  readonly log: Log;
  readonly startWait: StartWait;
  readonly signal: AbortSignal;
}

/**
 * Finds or makes the image that helpers run, in this order: the one the user names; one prepared
 * earlier; one built from Alpine; one assembled from this machine's own tools.
 *
 * @throws DockformError `failed` when there is none to be had.
 */
export async function helperImage(
  engine: EngineClient,
  options: HelperImageOptions,
): Promise<HelperImage> {
  const image = await chooseImage(engine, options);
  options.log.debug(`helper image: ${image.reference} (${image.origin})`);
  return image;
}

/** What {@link helperImage} would use without making anything: `undefined` when it had to make one. */
export async function preparedHelperImage(
  engine: EngineClient,
  options: HelperImageOptions,
): Promise<HelperImage | undefined> {
  if (options.named !== undefined) return namedImage(engine, options.named, options.signal);
  const isThere = async (tag: string): Promise<HelperImage | undefined> => {
    const reference = `${REPOSITORY}:${tag}`;
    const id = await findImage(engine, reference, options.signal);
    return id === undefined ? undefined : { reference, origin: "prepared earlier" };
  };
  const alpine = await isThere(alpineTag());
  if (alpine !== undefined) return alpine;
  const recipe = await hostRecipe(options.host);
  return recipe && isThere(recipe.tag);
}

async function chooseImage(
  engine: EngineClient,
  options: HelperImageOptions,
): Promise<HelperImage> {
  const prepared = await preparedHelperImage(engine, options);
  if (prepared !== undefined) return prepared;
  const { log, signal, startWait } = options;
  const what = "Preparing the helper image, once for each engine";
  try {
    return await during(startWait(what, BUILD_TIMEOUT_MS), buildFromAlpine(engine, options));
  } catch (error) {
    signal.throwIfAborted();
    log.debug(`no helper image from Alpine: ${messageOf(error)}`);
    const otherwise = "Assembling the helper image from this machine's tools";
    return await during(startWait(otherwise), assembleFromHost(engine, options, error));
  }
}

async function during<T>(end: () => void, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    end();
  }
}

async function namedImage(
  engine: EngineClient,
  reference: string,
  signal: AbortSignal,
): Promise<HelperImage> {
  if ((await findImage(engine, reference, signal)) === undefined) {
    try {
      await pullImage(engine, reference, signal);
    } catch (error) {
      throw new DockformError(
        "helper.image-not-found",
        `cannot get the helper image ${reference}: ${messageOf(error)}`,
        {
          hint: "Check `helper.image` in the manifest and DOCKFORM_HELPER_IMAGE, or load the image into the engine.",
          cause: error,
        },
      );
    }
  }
  return { reference, origin: "named by you" };
}

function alpineTag(): string {
  return `alpine-${shortDigest(ALPINE_DOCKERFILE)}`;
}

async function buildFromAlpine(
  engine: EngineClient,
  { signal }: HelperImageOptions,
): Promise<HelperImage> {
  const reference = `${REPOSITORY}:${alpineTag()}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(BUILD_TIMEOUT_MS)]);
  await buildImage(engine, packDockerfile(ALPINE_DOCKERFILE), reference, limit);
  return { reference, origin: "built from Alpine" };
}

async function assembleFromHost(
  engine: EngineClient,
  options: HelperImageOptions,
  alpineFailure: unknown,
): Promise<HelperImage> {
  const recipe = await usableHostRecipe(engine, options);
  if (typeof recipe === "string") {
    // Made by a client elsewhere: this one may be in a container that has the engine's socket, and few tools.
    const [reference] = await imagesNamed(engine, REPOSITORY, options.signal);
    if (reference !== undefined) return { reference, origin: "prepared earlier" };
    throw new DockformError(
      "helper.image-impossible",
      `there is no helper image, and none can be built: ${recipe}`,
      {
        hint: `Let the engine reach a registry, or name an image with GNU tar, zstd, perl and a shell in DOCKFORM_HELPER_IMAGE. (${messageOf(alpineFailure)})`,
        cause: alpineFailure,
      },
    );
  }
  await using rootfs = await packHostRootfs(recipe, options.host.temporaryFolder, options.log);
  await importImage(
    engine,
    rootfs.stream,
    { repository: REPOSITORY, tag: recipe.tag, changes: ["ENV PATH=/bin"] },
    options.signal,
  );
  return {
    reference: `${REPOSITORY}:${recipe.tag}`,
    origin: "assembled from this machine's tools",
  };
}

/** The recipe, or why this machine's tools cannot serve. */
async function usableHostRecipe(
  engine: EngineClient,
  { host, signal }: HelperImageOptions,
): Promise<HostRecipe | string> {
  const info = await engineInfo(engine, signal);
  if (host.platform !== "linux" || info.operatingSystem !== "linux") {
    return "the engine cannot reach a registry, and this machine's tools do not run on it";
  }
  if (info.architecture !== host.machine) {
    return `the engine cannot reach a registry, and is ${info.architecture} where this machine is ${host.machine}`;
  }
  const recipe = await hostRecipe(host);
  return (
    recipe ??
    "the engine cannot reach a registry, and this machine lacks tar, zstd, perl or another tool that the image needs"
  );
}

/**
 * Checks what a helper said of its image.
 *
 * @throws DockformError `refused` for an image that cannot snapshot at all, or would lose metadata.
 */
export function checkHelper(hello: Hello, image: HelperImage): void {
  const missing = missingFromImage(hello);
  if (missing === undefined) return;
  throw new DockformError(
    "helper.image-unsuitable",
    `the helper image ${image.reference} ${missing}`,
    {
      hint: IMAGE_ADVICE,
    },
  );
}

function missingFromImage({ tar, zstd, missingTool, lacks }: Hello): string | undefined {
  if (!tar.includes("GNU tar")) {
    return `would lose metadata: it has ${tar === "" ? "no tar" : tar} instead of GNU tar`;
  }
  if (zstd === "") return "has no zstd";
  if (missingTool !== undefined) return `has no ${missingTool}`;
  return lacks === "" ? undefined : `would lose metadata: ${lacks}`;
}

function shortDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
