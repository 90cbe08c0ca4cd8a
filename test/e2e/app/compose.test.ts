/** Runs the commands of docs/compose.md with each Compose, and what its table says of who creates a volume. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ownEngine } from "../../engine/own-engine.ts";
import type { DebianRelease } from "../../oracle/debian-release.ts";
import { attempt, needProgram } from "../../oracle/host.ts";
import {
  composePlugin,
  follow,
  guideEnvironment,
  guideSteps,
  notesImage,
  type GuideStep,
} from "../guide.ts";
import { Sandbox } from "../harness.ts";

const engine = await ownEngine();
const GUIDE = new URL("../../../docs/compose.md", import.meta.url);
const noDocker = (await attempt("sh", ["-c", "command -v docker"])).code !== 0;
const skip = engine.skip || (noDocker && "there is no docker command");

for (const release of ["bookworm", "trixie"] as const) {
  test(`the commands of the page work with the Compose of ${release}`, { skip }, async () => {
    await using project = await ComposeProject.create(release);
    const guide = await readFile(GUIDE, "utf8");
    for (const step of guideSteps(guide)) {
      if (step.section === "Who creates it") await project.declare();
      if (step.section === "A new machine" && step.command.endsWith("--create")) {
        await project.compose("down --volumes");
      }
      await follow(project.spoken(step), project);
    }
    await project.compose("--project-name photos down --volumes");
  });

  test(`volumes of ${release}'s Compose have the names that the page says`, { skip }, async () => {
    await using project = await ComposeProject.create(release);
    const named = { "": "home_data", "{ name: notes-data }": "notes-data" };
    for (const [definition, name] of Object.entries(named)) {
      await project.writeCompose(definition);
      await project.compose("up --no-start");
      assert.deepEqual(await project.volumes(name), [name]);
      await project.compose("down --volumes");
      assert.deepEqual(await project.volumes(name), []);
    }
    await project.writeCompose("");
    await project.run("mkdir My.Home && cp docker-compose.yml My.Home");
    for (const [words, name] of [
      ["cd My.Home && PROGRAM", "myhome_data"],
      ["COMPOSE_PROJECT_NAME=photos PROGRAM", "photos_data"],
    ] as const) {
      await project.run(words.replace("PROGRAM", `${project.program} up --no-start`));
      assert.deepEqual(await project.volumes(name), [name]);
      await project.run(words.replace("PROGRAM", `${project.program} down --volumes`));
    }
  });
}

for (const release of ["bookworm", "trixie", "sid"] as const) {
  test(`with the Compose of ${release} each tool does what the table says`, { skip }, async () => {
    await using project = await ComposeProject.create(release);
    const isFirst = release === "bookworm";
    await project.declare();
    await project.run("dockform apply --skip-confirmation");
    const warned = await project.compose("up --detach");
    assert.match(
      warned,
      isFirst ? /label "io.dockform.identifier" has changed/ : /was not created/,
    );
    await project.compose("down --volumes");
    assert.deepEqual(await project.volumes(), []);

    await project.writeCompose("{ external: true, name: home_data }");
    await project.run("dockform apply --skip-confirmation");
    assert.doesNotMatch(await project.compose("up --detach"), /has changed|not created/);
    await project.compose("down --volumes");
    assert.deepEqual(await project.volumes(), ["home_data"]);
    await project.run("dockform destroy --skip-confirmation");
    assert.deepEqual(await project.volumes(), []);

    await project.writeCompose("");
    await project.compose("up --detach");
    await project.run("dockform volume snapshot home_data");
    assert.match(await project.run("dockform destroy --skip-confirmation"), /no volumes labelled/);
    await project.compose("down --volumes");
    await project.run("dockform volume restore home_data latest --create");
    const adopted = await project.compose("up --detach");
    assert.equal(/has changed/.test(adopted), isFirst);
    assert.doesNotMatch(adopted, /not created|doesn't match/);
  });
}

test(
  "newer Compose asks before it removes a volume whose definition changed",
  { skip },
  async () => {
    await using project = await ComposeProject.create("sid");
    await project.compose("up --detach");
    await project.writeCompose("{ labels: { tier: gold } }");
    assert.match(await project.compose("up --detach"), /Recreate \(data will be lost\)\?/);
  },
);

/** A Compose project of the page's, in a folder `home`, with the engine's objects that it makes. */
class ComposeProject implements AsyncDisposable {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #sandbox: Sandbox;
  readonly #image: AsyncDisposable;
  readonly #release: DebianRelease;

  private constructor(
    sandbox: Sandbox,
    env: Readonly<Record<string, string>>,
    image: AsyncDisposable,
    release: DebianRelease,
  ) {
    this.cwd = sandbox.path("home");
    this.env = env;
    this.#sandbox = sandbox;
    this.#image = image;
    this.#release = release;
  }

  static async create(release: DebianRelease): Promise<ComposeProject> {
    const sandbox = await Sandbox.create(engine.host);
    const env = await guideEnvironment(sandbox, engine.host);
    await installCompose(release, sandbox);
    const image = await notesImage(sandbox, engine.host, "2");
    const project = new ComposeProject(sandbox, env, image, release);
    await mkdir(project.cwd);
    await project.writeCompose("");
    return project;
  }

  /** Writes the page's manifest. */
  async declare(): Promise<void> {
    await writeFile(join(this.cwd, "dockform.yml"), await yamlOfPage("identifier"));
  }

  /** Writes the page's Compose file, with a definition of its volume. */
  async writeCompose(volume: string): Promise<void> {
    const file = await yamlOfPage("services");
    assert.ok(file.endsWith("\n  data:\n"));
    const changed = file.replace(/ data:\n$/, ` data: ${volume}\n`);
    await writeFile(join(this.cwd, "docker-compose.yml"), changed);
  }

  /** A step as it is with this Compose, where there is no terminal. */
  spoken({ section, command, shown }: GuideStep): GuideStep {
    const isFirst = this.#release === "bookworm";
    return {
      section,
      command: command
        .replaceAll("docker compose", isFirst ? "docker-compose" : "docker compose")
        .replace(" exec ", " exec -T "),
      shown: shown.map((line) =>
        isFirst ? line.replaceAll("home-notes-1", "home_notes_1") : line,
      ),
    };
  }

  /** Runs a command that must succeed; returns all that it printed. */
  async run(command: string): Promise<string> {
    const { code, stdout, stderr } = await attempt("bash", ["-c", command], this);
    assert.equal(code, 0, `${command}\n${stderr}${stdout.toString()}`);
    return `${stderr}${stdout.toString()}`;
  }

  get program(): string {
    return this.#release === "bookworm" ? "docker-compose" : "docker compose";
  }

  compose(words: string): Promise<string> {
    return this.run(`${this.program} ${words}`);
  }

  /** The engine's volumes with a name. */
  async volumes(name = "home_data"): Promise<readonly string[]> {
    const listed = await this.run(`docker volume ls --quiet --filter name=^${name}$`);
    return listed.split("\n").filter((line) => line !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writeCompose("");
    await this.compose("down --volumes").catch(() => {});
    await attempt("docker", ["volume", "rm", "--force", "home_data", "photos_data"], this);
    await this.#image[Symbol.asyncDispose]();
    await this.#sandbox[Symbol.asyncDispose]();
  }
}

/** The page's YAML that begins with a key. */
async function yamlOfPage(key: string): Promise<string> {
  const blocks = (await readFile(GUIDE, "utf8")).matchAll(/^```yaml\n(.*?)^```$/gms);
  const yaml = [...blocks].map(([, block = ""]) => block).find((block) => block.startsWith(key));
  assert.ok(yaml);
  return yaml;
}

/** Debian 12's own is installed; later ones are unpacked, and are a plugin of the docker command. */
async function installCompose(release: DebianRelease, sandbox: Sandbox): Promise<void> {
  if (release === "bookworm") {
    await needProgram("/usr/bin/docker-compose", "docker-compose");
    return;
  }
  await composePlugin(release, sandbox);
}
