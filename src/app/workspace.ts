import { resolve } from "node:path";
import type { EngineClient } from "../engine/client.ts";
import { currentContextName, resolveEndpoint } from "../engine/endpoint.ts";
import { describeWeakness, weaknessOf } from "../engine/tcp-transport.ts";
import { DockformError } from "../errors.ts";
import { helperImage, type HelperImage, type HelperImageOptions } from "../helper/image.ts";
import type { ManifestContext, VolumeSpec } from "../manifest/manifest.ts";
import { parseVolumeReference, resolveVolumeReference } from "../manifest/reference.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import { FolderStore } from "../store/folder/folder-store.ts";
import type { Store, StoredVolume } from "../store/store.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { Catalog } from "./catalog.ts";
import { loadManifest, noManifest, type ManifestFile } from "./manifest-file.ts";
import { labelsFor } from "./identifier.ts";
import type { Surroundings } from "./surroundings.ts";

/** One engine of a command, with what the manifest declares for it. */
export interface WorkspaceContext {
  readonly name: string;
  readonly engine: EngineClient;
  readonly volumes: ReadonlyMap<string, VolumeSpec>;
  /** Without one nothing is declared. */
  readonly hasManifest: boolean;
  /** As `apply` would create it. */
  readonly declaredShape: (volume: string) => VolumeShape | undefined;
  readonly findHelperImage: () => Promise<HelperImage>;
  readonly helperCapabilities: readonly string[];
  readonly store: Store;
  /** Under which name the snapshots of a volume are written. */
  readonly storedAs: (volume: string) => StoredVolume;
  /** Under which they are looked for: a manifest may have had more contexts, or fewer, when they were taken. */
  readonly storedNames: (volume: string) => readonly StoredVolume[];
}

/** A volume of a context, declared or not. */
export function targetIn(context: WorkspaceContext, volume: string): VolumeTarget {
  return {
    engine: context.engine,
    context: context.name,
    volume,
    declared: context.volumes.has(volume),
    declaredVolumes: context.hasManifest ? [...context.volumes.keys()] : undefined,
    declaredShape: context.declaredShape(volume),
    store: context.store,
    storedAs: context.storedAs(volume),
    findHelperImage: context.findHelperImage,
    helperCapabilities: context.helperCapabilities,
  };
}

export interface WorkspaceOptions {
  readonly manifest: string | undefined;
  readonly context: string | undefined;
  /** The folder of all snapshots, in place of what the manifest says. */
  readonly store?: string | undefined;
}

/** The manifest, where there is one, and the engines that it and the environment name. */
export class Workspace implements Disposable {
  readonly file: ManifestFile | undefined;
  readonly #around: Surroundings;
  readonly #options: WorkspaceOptions;
  #saidCapabilities = false;
  readonly #contexts = new Map<string | undefined, Promise<WorkspaceContext>>();

  private constructor(
    file: ManifestFile | undefined,
    around: Surroundings,
    options: WorkspaceOptions,
  ) {
    this.file = file;
    this.#around = around;
    this.#options = options;
  }

  static async open(around: Surroundings, options: WorkspaceOptions): Promise<Workspace> {
    return new Workspace(await loadManifest(around, options.manifest), around, options);
  }

  /** Where all snapshots are: in the folder that was named, or that the manifest names, or beside it. */
  get store(): Store {
    const { cwd } = this.#around;
    const { store } = this.#options;
    if (store !== undefined) return new FolderStore(resolve(cwd, store));
    const { folder = cwd, manifest } = this.file ?? {};
    return new FolderStore(resolve(folder, manifest?.store ?? DEFAULT_STORE));
  }

  /** The snapshots in it. */
  catalog(): Catalog {
    const { cwd, tools } = this.#around;
    const { context } = this.#options;
    return new Catalog({ store: this.store, cwd, context, log: tools.log });
  }

  /** @throws DockformError `manifest` when there is none. */
  requireManifest(): ManifestFile {
    if (this.file === undefined) throw noManifest(this.#around.cwd);
    return this.file;
  }

  /** @throws DockformError `manifest` when the manifest has none. */
  requireIdentifier(): string {
    const { manifest } = this.requireManifest();
    if (manifest.identifier !== undefined) return manifest.identifier;
    throw new DockformError("manifest.no-identifier", `${manifest.file} has no identifier`, {
      hint: "Add `identifier: some-name` at the top: it labels the volumes that belong to this manifest.",
    });
  }

  /** The contexts a command without a volume name works on: all, or the one of `--context`. */
  async contexts(): Promise<readonly WorkspaceContext[]> {
    const chosen = this.#options.context;
    const declared = this.#declaredContexts();
    const selected =
      chosen === undefined
        ? declared
        : declared.filter(({ name }) => name === undefined || name === chosen);
    if (selected.length === 0) throw this.#unknownContext(String(chosen));
    return Promise.all(selected.map((context) => this.#open(context)));
  }

  /** The volume that `[context/]volume` means. */
  async target(reference: string): Promise<VolumeTarget> {
    const parsed = parseVolumeReference(reference);
    const declared = this.#find(parsed);
    const context = await this.#open(declared);
    return targetIn(context, parsed.volume);
  }

  [Symbol.dispose](): void {
    for (const context of this.#contexts.values()) {
      context.then(
        ({ engine }) => engine.close(),
        () => {},
      );
    }
  }

  /** Without a manifest there is one context, chosen by the environment, and nothing is declared. */
  #declaredContexts(): readonly ManifestContext[] {
    return this.file?.manifest.contexts ?? [UNDECLARED];
  }

  #find(reference: ReturnType<typeof parseVolumeReference>): ManifestContext {
    if (this.file !== undefined) {
      return resolveVolumeReference(this.file.manifest, reference, this.#options.context);
    }
    return reference.context === undefined
      ? UNDECLARED
      : { ...UNDECLARED, name: reference.context };
  }

  #unknownContext(name: string): DockformError {
    const names = this.#declaredContexts().map((context) => context.name);
    return new DockformError("manifest.unknown-context", `the manifest has no context "${name}"`, {
      hint: `It has ${names.join(", ")}.`,
      advice: [{ code: "drop-context" }],
    });
  }

  #open(context: ManifestContext): Promise<WorkspaceContext> {
    let opened = this.#contexts.get(context.name);
    if (opened === undefined) {
      opened = this.#connect(context);
      this.#contexts.set(context.name, opened);
    }
    return opened;
  }

  async #connect(context: ManifestContext): Promise<WorkspaceContext> {
    const around = this.#around;
    const name = context.name ?? this.#options.context ?? (await currentContextName(around));
    const endpoint = await resolveEndpoint(name, context.host, around);
    const engine = around.connect(endpoint);
    const weakness = weaknessOf(endpoint);
    if (weakness !== undefined) {
      around.tools.log.warn(
        `the connection to ${endpoint.host} ${describeWeakness(weakness)}; this was allowed`,
      );
    }
    const storedContext = this.#declaredContexts().length > 1 ? name : undefined;
    let image: Promise<HelperImage> | undefined;
    return {
      name,
      engine,
      volumes: context.volumes,
      hasManifest: this.file !== undefined,
      declaredShape: (volume) =>
        declaredShape(context.volumes.get(volume), this.file?.manifest.identifier),
      findHelperImage: () => (image ??= this.#helperImage(engine)),
      helperCapabilities: this.file?.manifest.helperCapabilities ?? [],
      store: this.store,
      storedAs: (volume) => ({ context: storedContext, volume }),
      storedNames: (volume) => [
        { context: undefined, volume },
        { context: name, volume },
      ],
    };
  }

  /** Nothing is said of what helpers may do beyond the usual: it was said before. */
  hushCapabilities(): void {
    this.#saidCapabilities = true;
  }

  /** Asked for when a helper is about to be started, so that is when its privileges are said. */
  #helperImage(engine: EngineClient): Promise<HelperImage> {
    const { file, helperCapabilities = [] } = this.file?.manifest ?? {};
    if (helperCapabilities.length > 0 && !this.#saidCapabilities) {
      this.#saidCapabilities = true;
      this.#around.tools.log.warn(
        `helper containers run with ${helperCapabilities.join(", ")}, as helper.capabilities in ${file} says: with it, the owner of their image controls the host`,
      );
    }
    return helperImage(engine, this.helperImageOptions());
  }

  helperImageOptions(): HelperImageOptions {
    const { env, platform, machine, tools } = this.#around;
    const { log, startWait, signal, temporaryFolder } = tools;
    return {
      named: env["DOCKFORM_HELPER_IMAGE"] || this.file?.manifest.helperImage,
      host: { platform, machine, temporaryFolder, path: env["PATH"] ?? "" },
      log,
      startWait,
      signal,
    };
  }
}

function declaredShape(
  spec: VolumeSpec | undefined,
  identifier: string | undefined,
): VolumeShape | undefined {
  if (spec === undefined || identifier === undefined) return spec;
  return { ...spec, labels: labelsFor(spec, identifier) };
}

/** Beside the manifest, or in the current folder without one. */
const DEFAULT_STORE = ".dockform/snapshots";

const UNDECLARED: ManifestContext = { name: undefined, host: undefined, volumes: new Map() };
