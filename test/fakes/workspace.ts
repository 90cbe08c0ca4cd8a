import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Surroundings } from "../../src/app/surroundings.ts";
import { Workspace } from "../../src/app/workspace.ts";
import { EngineClient } from "../../src/engine/client.ts";
import { FakeClient } from "./client.ts";
import type { FakeEngine } from "./engine.ts";
import { fakeTools, type FakeTools } from "./surroundings.ts";

/** The host of the engine that a manifest without contexts leads to. */
export const DEFAULT_HOST = "unix:///default.sock";

/** A folder with a manifest, and what opens it as a workspace on engines in memory. */
export class FakeSite implements AsyncDisposable {
  readonly folder: string;
  readonly tools: FakeTools = fakeTools();
  /** As `--insecure` says. */
  insecure = false;
  readonly #engines: Readonly<Record<string, FakeEngine>>;

  private constructor(folder: string, engines: Readonly<Record<string, FakeEngine>>) {
    this.folder = folder;
    this.#engines = engines;
  }

  /**
   * @param manifest written as JSON, which is YAML; a text as it is; none for `undefined`.
   * @param engines by their hosts; nobody listens at another one.
   */
  static async create(
    manifest: unknown,
    engines: Readonly<Record<string, FakeEngine>>,
  ): Promise<FakeSite> {
    const folder = await mkdtemp(join(tmpdir(), "dockform-site-"));
    const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    if (manifest !== undefined) await writeFile(join(folder, "dockform.yml"), text);
    return new FakeSite(folder, engines);
  }

  async open(context?: string): Promise<Workspace> {
    const around: Surroundings = {
      env: { DOCKER_HOST: DEFAULT_HOST, DOCKFORM_HELPER_IMAGE: "helper:1" },
      cwd: this.folder,
      insecure: this.insecure,
      temporaryFolder: "/no/such/folder",
      homeFolder: this.folder,
      platform: "linux",
      machine: "x86_64",
      tools: this.tools,
      connect: (endpoint) => {
        const engine = this.#engines[endpoint.host];
        return engine === undefined ? new EngineClient(endpoint) : new FakeClient(engine);
      },
    };
    return Workspace.open(around, { manifest: undefined, context });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
