/**
 * The first hour of a person who knows Docker and has read README: a small server with three Compose projects, on a
 * terminal. Nothing is wider than the terminal, and what is printed to be copied works as it stands there.
 */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import {
  createContainer,
  removeContainer,
  startContainer,
} from "../../../src/engine/containers.ts";
import { createVolume, removeVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt } from "../../oracle/host.ts";
import { writeFiles } from "../archives.ts";
import { guideEnvironment, type GuidePlace } from "../guide.ts";
import { Sandbox } from "../harness.ts";
import { commandsOn, quotedCommandsOn, screenOf, type Screen } from "../screen.ts";
import { onTerminal, type Typing } from "../terminal.ts";

const engine = await testEngine();
const skip = engine.skipUnlessPrivate;

/** A service of a Compose project, and its volume. */
interface Service {
  readonly project: string;
  readonly service: string;
  readonly volume: string;
}

const PAPERLESS = { project: "paperless", service: "webserver", volume: "data" };
const LONG = {
  project: "home-assistant-production",
  service: "zigbee2mqtt",
  volume: "zigbee2mqtt-configuration",
};
const SERVICES: readonly Service[] = [
  PAPERLESS,
  { project: "paperless", service: "broker", volume: "redisdata" },
  { project: "vaultwarden", service: "vaultwarden", volume: "vw-data" },
  LONG,
];

for (const columns of [80, 200]) {
  test(`a stranger's first hour fits ${columns} columns`, { skip }, async () => {
    await using server = await Server.create();
    const stranger = new Stranger(server, columns);
    await stranger.asksForHelp();
    await stranger.looksAround();
    await server.declareAll();
    await stranger.declares();
    await stranger.takesSnapshots();
    await stranger.looksAtSnapshots();
    await stranger.losesHisWay();
    for (const service of [PAPERLESS, LONG]) {
      await stranger.restores(volumeName(service), containerName(service));
    }
    await stranger.looksAfterThings();
    await stranger.leaves();
  });
}

function volumeName({ project, volume }: Service): string {
  return `${project}_${volume}`;
}

function containerName({ project, service }: Service): string {
  return `${project}-${service}-1`;
}

/** A machine with Compose projects that run, and a folder for the manifest. */
class Server implements AsyncDisposable, GuidePlace {
  readonly cwd: string;
  readonly env: GuidePlace["env"];
  readonly #sandbox: Sandbox;

  private constructor(sandbox: Sandbox, env: GuidePlace["env"]) {
    this.#sandbox = sandbox;
    this.env = env;
    this.cwd = sandbox.path("homeserver");
  }

  static async create(): Promise<Server> {
    const sandbox = await Sandbox.create(engine.host);
    const env = await guideEnvironment(sandbox, engine.host);
    const server = new Server(sandbox, env);
    await mkdir(server.cwd);
    for (const service of SERVICES) await server.#start(service);
    return server;
  }

  /** What `docker compose up --detach` makes of a service. */
  async #start(service: Service): Promise<void> {
    const name = volumeName(service);
    const { mountpoint } = await createVolume(this.#sandbox.engine, {
      name,
      driver: "local",
      driverOpts: {},
      labels: {
        "com.docker.compose.project": service.project,
        "com.docker.compose.version": "2.32.4",
        "com.docker.compose.volume": service.volume,
      },
    });
    await writeFiles(mountpoint, { "config.json": "{}", "letters/to the landlord.txt": "Dear" });
    const definition = await this.#sandbox.waiting(name, {
      Labels: {
        "com.docker.compose.project": service.project,
        "com.docker.compose.service": service.service,
        "com.docker.compose.container-number": "1",
      },
      Cmd: ["trap 'exit 0' TERM; while :; do sleep 1 & wait; done"],
      Healthcheck: { Test: ["CMD-SHELL", "test -d /data/letters"], Interval: 1e9 },
    });
    const id = await createContainer(this.#sandbox.engine, containerName(service), definition);
    await startContainer(this.#sandbox.engine, id);
  }

  /** The starter's list of volumes, with the own ones not as comments any more, and one that is to be created. */
  async declareAll(): Promise<void> {
    const file = `${this.cwd}/dockform.yml`;
    const starter = await readFile(file, "utf8");
    const declared = SERVICES.map(volumeName).reduce(
      (text, name) => text.replace(`# ${name}: {}`, `${name}: { snapshot: { every: 1d } }`),
      starter,
    );
    await writeFile(file, `${declared}  cache: { labels: { tier: scratch } }\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { engine: client } = this.#sandbox;
    for (const service of SERVICES) {
      await removeContainer(client, containerName(service)).catch(() => {});
    }
    for (const name of [...SERVICES.map(volumeName), "cache"]) {
      await removeVolume(client, name).catch(() => {});
    }
    await this.#sandbox[Symbol.asyncDispose]();
  }
}

/** Somebody who types commands, and pastes what is printed. */
class Stranger {
  readonly #server: Server;
  readonly #columns: number;

  constructor(server: Server, columns: number) {
    this.#server = server;
    this.#columns = columns;
  }

  /** Types a command, which ends with a code, and looks at all that the terminal shows. */
  async types(command: string, code = 0, typing?: Typing): Promise<Screen> {
    const [program = "", ...relay] = await onTerminal(typing, this.#columns);
    const args = [...relay, "bash", "-c", command];
    const result = await attempt(program, args, this.#server);
    const output = result.stdout.toString();
    const screen = screenOf(output);
    const shown = `$ ${command}\n${screen.lines.join("\n")}`;
    assert.equal(result.code, code, `${shown}\n${result.stderr}`);
    assert.deepEqual(
      screen.seen.filter((line) => this.#overflows(line)),
      [],
      shown,
    );
    return screen;
  }

  #overflows(line: string): boolean {
    return line.length > this.#columns && /\S\s+\S/.test(line);
  }

  /** Pastes the one command that a screen shows on lines of its own. */
  async pastes(screen: Screen, code = 0): Promise<Screen> {
    const [command = "", ...others] = commandsOn(screen);
    assert.notEqual(command, "", screen.lines.join("\n"));
    assert.deepEqual(others, []);
    return this.types(command, code);
  }

  /** Pastes the commands in the sentences of a screen, which all do what they say. */
  async pastesQuoted(screen: Screen): Promise<void> {
    const commands = quotedCommandsOn(screen);
    assert.notDeepEqual(commands, [], screen.lines.join("\n"));
    for (const command of new Set(commands)) await this.types(command);
  }

  async asksForHelp(): Promise<void> {
    for (const command of ["", "volume", "snapshot", "volume restore"]) {
      await this.types(`dockform ${command} --help`);
    }
  }

  /** Without a manifest. */
  async looksAround(): Promise<void> {
    await this.types("dockform volume list");
    await this.types("dockform doctor");
    const screen = await this.types("dockform volume restore paperless_data latest", 3);
    assert.deepEqual(commandsOn(screen), [], "there is no snapshot that could be restored");
    await this.types("dockform version");
    await this.pastesQuoted(await this.types("dockform plan", 2));
    await this.types("dockform init", 3);
  }

  async declares(): Promise<void> {
    await this.types("dockform validate");
    await this.types("dockform plan");
    await this.types("dockform apply", 0, { question: "Type yes", keys: "yes\n" });
    await this.types("dockform plan --check", 6);
    await this.types("dockform volume list");
    await this.types("dockform snapshot list");
    await this.types("dockform snapshot status --check", 6);
    await this.types("dockform volume restore paperless_data latest", 2);
  }

  async takesSnapshots(): Promise<void> {
    await this.types('dockform volume snapshot paperless_data --note "before the upgrade"');
    await this.types("dockform volume snapshot 'paperless_*'");
    await this.types("dockform nightly --dry-run");
    await this.types("dockform volume snapshot --all");
    await this.types("dockform nightly");
    await this.types("dockform volume list");
  }

  async looksAtSnapshots(): Promise<void> {
    await this.types("dockform snapshot list");
    await this.types("dockform snapshot list paperless_data");
    await this.types("dockform snapshot show paperless_data@latest");
    await this.types(`dockform snapshot show ${volumeName(LONG)}@latest`);
    await this.types("dockform snapshot files paperless_data@latest");
    await this.types("dockform snapshot status --check");
    await this.types("dockform snapshot verify --all");
    await this.types(`dockform snapshot diff ${volumeName(LONG)}@latest live`);
    await this.types(`dockform snapshot extract paperless_data@latest letters --output found`);
  }

  /** Wrong commands, names and paths. */
  async losesHisWay(): Promise<void> {
    for (const typed of ["restore paperless_data latest", "backup paperless_data", "ls", "list"]) {
      const screen = await this.types(`dockform ${typed}`, 2);
      const rest = typed.split(" ").slice(1).join(" ");
      for (const command of quotedCommandsOn(screen)) {
        await this.types(`${command} ${rest}`.trim(), command.endsWith("restore") ? 3 : 0);
      }
    }
    for (const typed of [
      "snapshot create paperless_data",
      "volume snapshot --al",
      "volume snapshot",
      "snapshot show paperless_dta@latest",
      "volume restore paperless_data 2019-01-01",
      "snapshot files paperless_data@latest letter",
      "--context nowhere plan",
      "--manifest elsewhere.yml plan",
      "snapshot prune",
    ]) {
      await this.types(`dockform ${typed}`, 2);
    }
    const snapshot = await this.types("dockform volume snapshot paperless_dta", 1);
    await this.pastesQuoted(snapshot);
    const restore = await this.types("dockform volume restore paperless_dta latest", 3);
    assert.deepEqual(commandsOn(restore), []);
    await this.pastesQuoted(await this.types("dockform snapshot show ./no/such/file.tar.zst", 1));
  }

  async restores(volume: string, container: string): Promise<void> {
    const restore = `dockform volume restore ${volume} latest`;
    await this.types(`${restore} --dry-run`, 3);
    const restored = await this.pastes(await this.types(restore, 3));
    assert.ok(restored.lines.some((line) => line.includes(`Started ${container}`)));
    const kept = await this.types(`${restore} --force --stop-containers --keep-previous`);
    const undone = await this.pastes(kept);
    await this.pastes(undone);
    const again = await this.types(`${restore} --keep-previous`, 3);
    await this.pastes(again);
    await this.types(`${restore} --path "letters/to the landlord.txt"`, 3);
    const discard = `dockform volume undo ${volume} --discard`;
    await this.types(discard, 3, { question: "Type yes", keys: "no\n" });
    await this.types(`${discard} --skip-confirmation`);
    await this.types(`dockform volume undo ${volume}`, 3);
    await this.types(`dockform volume recover ${volume}`);
    await this.types(`dockform snapshot drill ${volume}`);
  }

  async looksAfterThings(): Promise<void> {
    await this.types("dockform volume list");
    await this.types("dockform snapshot list");
    await this.types("dockform snapshot status");
    await this.types("dockform nightly");
    await this.types("dockform doctor --check");
    await this.types("dockform volume recover");
  }

  async leaves(): Promise<void> {
    const no = { question: "to continue:", keys: "no\n" };
    await this.types("dockform destroy", 3, no);
    await this.types("dockform snapshot remove paperless_data@latest", 3, {
      question: "Type yes",
      keys: "no\n",
    });
  }
}
