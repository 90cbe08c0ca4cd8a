import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf, FakeDisk } from "../../test/fakes/contents.ts";
import type { FakeVerb } from "../../test/fakes/helper.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTarget } from "../../test/fakes/surroundings.ts";
import { wordText } from "../helper/words.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { parseAbout } from "../restore/kept.ts";
import { copyVolume, moveVolume, type CopyReport, type CopyRequest } from "./copy.ts";

/** Two engines, each with a volume `data`: what the one of the first holds is to be the other's. */
class Street {
  readonly from: House;
  readonly to: House;

  private constructor(from: House, to: House) {
    this.from = from;
    this.to = to;
  }

  static async build(): Promise<Street> {
    return new Street(await House.build("of the source"), await House.build());
  }

  source(volume = "data"): VolumeTarget {
    return { ...fakeTarget(new FakeClient(this.from.engine), volume), context: "from" };
  }

  target(volume = "data", house = this.to): VolumeTarget {
    const context = house === this.from ? "from" : "to";
    return { ...fakeTarget(new FakeClient(house.engine), volume), context };
  }

  request(more: Partial<CopyRequest> = {}): CopyRequest {
    return {
      ...this.to.request(),
      source: this.source(),
      target: this.target(),
      project: undefined,
      replacesSource: false,
      healthTimeoutMs: 0,
      ...more,
    };
  }

  copy(more: Partial<CopyRequest> = {}): Promise<CopyReport> {
    return copyVolume(this.request(more), this.to.tools);
  }

  move(more: Partial<CopyRequest> = {}): Promise<CopyReport> {
    return moveVolume(this.request(more), this.to.tools);
  }

  /** Whether the target holds what the source does. */
  get isCopied(): boolean {
    return this.to.disk.contents.equals(this.from.disk.contents);
  }

  left(): readonly string[] {
    return [...this.from.left(), ...this.to.left()];
  }
}

test("a copy is what its source holds, and takes the place of what the target held", async () => {
  const street = await Street.build();
  const report = await street.copy({ keepPrevious: true });
  assert.ok(street.isCopied);
  assert.equal(street.to.kept, "old");
  assert.deepEqual(report.source, { context: "from", volume: "data" });
  assert.deepEqual(report.read, {
    tarBytes: street.from.disk.contents.length,
    entries: 2,
    shortcomings: [],
  });
  const about = parseAbout(wordText(street.to.disk.kept?.about ?? ""));
  assert.equal(about.replaced_by, "volume from/data");
});

test("what a target holds, or who uses it, is refused as a restore refuses it", async () => {
  const street = await Street.build();
  await assert.rejects(street.copy({ force: false }), { code: "volume.not-empty" });
  street.to.user("web");
  await assert.rejects(street.copy({ stopContainers: false }), { code: "volume.in-use" });
  await assert.rejects(street.copy({ undeclared: false }), { code: "volume.undeclared" });
  assert.equal(street.to.inPlace, "old");
  assert.deepEqual(street.left(), []);
});

test("a target that does not exist is created as the source is, and removed again by a failure", async () => {
  const street = await Street.build();
  const labels = { "com.docker.compose.project": "shop", tier: "gold" };
  street.from.engine.createVolume("shop_data", { labels });
  street.from.contents.disks.set("shop_data", new FakeDisk(await contentsOf("a shop")));
  street.to.contents.disks.set("copy", new FakeDisk(await contentsOf("")));
  street.to.contents.failOnce("extract", "tar: no space left");
  const request = {
    source: street.source("shop_data"),
    target: street.target("copy"),
    undeclared: false,
  };
  await assert.rejects(street.copy(request), {
    code: "restore.extract-failed",
  });
  assert.equal(street.to.engine.volumes.has("copy"), false);
  const { createdVolume } = await street.copy(request);
  assert.ok(createdVolume);
  assert.deepEqual(street.to.engine.volumes.get("copy")?.labels, { tier: "gold" });
  const held = street.from.contents.disk("shop_data").contents;
  assert.ok(street.to.contents.disk("copy").contents.equals(held));
});

test("a copy belongs to the project that is named, under the name that Compose looks for", async () => {
  const street = await Street.build();
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.volume": "db" };
  street.from.engine.createVolume("shop_db", { labels });
  street.from.contents.disks.set("shop_db", new FakeDisk(await contentsOf("a shop")));
  street.to.contents.disks.set("trial_db", new FakeDisk(await contentsOf("")));
  const copied = { source: street.source("shop_db"), project: "trial" };
  await assert.rejects(street.copy({ ...copied, target: street.target("trial_data") }), {
    code: "copy.other-name",
    hint: "Nothing was touched. Copy it to trial_db.",
  });
  await street.copy({ ...copied, target: street.target("trial_db") });
  assert.deepEqual(street.to.engine.volumes.get("trial_db")?.labels, {
    "com.docker.compose.project": "trial",
    "com.docker.compose.volume": "db",
  });
  await assert.rejects(street.copy({ project: "trial", target: street.target("trial_data") }), {
    code: "copy.no-project",
  });
});

test("a volume is not copied onto itself, by whatever context it is named", async () => {
  const street = await Street.build();
  const target = { ...street.target("data", street.from), context: "other" };
  await assert.rejects(street.copy({ target }), { code: "copy.onto-itself" });
});

test("what arrives must be what was read, or nothing is replaced", async () => {
  const street = await Street.build();
  street.to.contents.instead.set("extract", async (call, real) => {
    const reply = await real(call);
    return { ...reply, facts: { ...reply.facts, entries: "1" } };
  });
  await assert.rejects(street.copy(), { code: "copy.not-whole", kind: "integrity" });
  assert.equal(street.to.inPlace, "old");
  assert.deepEqual(street.left(), []);
});

test("a source that cannot be read to its end replaces nothing", async () => {
  const street = await Street.build();
  street.from.contents.instead.set("archive", async (call, real) => {
    const reply = await real(call);
    return { ...reply, messages: ["tar: ./file: Read error at byte 0: Input/output error"] };
  });
  await assert.rejects(street.copy(), { code: "volume.unreadable" });
  assert.equal(street.to.inPlace, "old");
  assert.deepEqual(street.left(), []);
});

test("a dry run reads nothing and says what would be done", async () => {
  const street = await Street.build();
  const report = await street.copy({ dryRun: true, force: false });
  assert.deepEqual([report.dryRun, report.read], [true, undefined]);
  assert.equal(report.plan.refusal?.code, "volume.not-empty");
  assert.ok(!street.from.contents.asked.includes("archive"));
});

test("a move removes the source once the copy was compared with it", async () => {
  const street = await Street.build();
  const held = street.from.disk.contents;
  await street.move();
  assert.ok(street.to.disk.contents.equals(held));
  assert.equal(street.from.engine.volumes.has("data"), false);
});

test("a move keeps the source where the copy is not what it is, or may lack something", async () => {
  const street = await Street.build();
  const other = await contentsOf("another");
  street.to.contents.instead.set("archive", (call, real) => {
    for (const staging of street.to.disk.stagings.values()) staging.fresh = other;
    return real(call);
  });
  await assert.rejects(street.move(), { code: "restore.verify-failed" });
  assert.equal(street.to.inPlace, "old");
  assert.ok(street.from.engine.volumes.has("data"));
  street.to.contents.instead.delete("archive");
  street.from.contents.instead.set("archive", async (call, real) => {
    const reply = await real(call);
    return {
      ...reply,
      messages: [...(reply.messages ?? []), "tar: ./file: file changed as we read it"],
    };
  });
  await assert.rejects(street.move(), { code: "copy.source-kept" });
  assert.ok(street.isCopied);
  assert.ok(street.from.engine.volumes.has("data"));
});

test("a move keeps a source that was written to after it was compared, or nobody knows", async () => {
  const written = await Street.build();
  let changedSeconds = 1_700_000_000;
  const tell: FakeVerb = ({ output }) => {
    output(Buffer.from(`8 ${changedSeconds}.5 1.5 f 644 0 0 17 1 5 letter\0\0`));
    return { facts: { file_system: "xfs", find_status: "0", time: "1700060000", boot: "one" } };
  };
  written.from.contents.instead.set("fingerprint", tell);
  written.to.contents.instead.set("conclude", (call, real) => {
    changedSeconds += 60;
    return real(call);
  });
  await assert.rejects(written.move(), {
    code: "copy.source-kept",
    message: /not removed: .*: the source changed meanwhile, letter for one$/,
  });
  assert.ok(written.isCopied);
  assert.ok(written.from.engine.volumes.has("data"));

  const unknown = await Street.build();
  unknown.from.contents.instead.set("fingerprint", tell);
  unknown.to.contents.instead.set("conclude", (call, real) => {
    unknown.from.contents.instead.set("fingerprint", () => ({ status: 1 }));
    return real(call);
  });
  await assert.rejects(unknown.move(), {
    code: "copy.source-kept",
    message: /whether the source changed since is not known/,
  });
  assert.ok(unknown.from.engine.volumes.has("data"));
});

test("a volume that keeps contents is not moved: the copy would not hold them", async () => {
  const street = await Street.build();
  street.from.disk.kept = { contents: street.from.disk.contents, about: '{"kept_at":"2026"}' };
  await assert.rejects(street.move(), { code: "volume.keeps-contents" });
  assert.equal(street.to.inPlace, "old");
});
