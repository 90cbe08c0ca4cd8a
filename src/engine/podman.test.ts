import assert from "node:assert/strict";
import { test } from "node:test";
import { dockersHealth, dockersState, dockersStatus, isPodmans, machineOf } from "./podman.ts";

test("Podman is known by its header", () => {
  assert.equal(isPodmans({ "api-version": "1.41", "libpod-api-version": "4.3.1" }), true);
  assert.equal(isPodmans({ "api-version": "1.41" }), false);
});

/** What Podman 4.3.1 and 5.4.2 have said. */
const SAID: readonly (readonly [said: string, from: number, to: number])[] = [
  [
    'container create: creating container storage: the container name "a" is already in use by 2adb60b7',
    500,
    409,
  ],
  ["UNIQUE constraint failed: ContainerConfig.Name", 500, 409],
  ["cannot remove container 1 as it is running: container state improper", 500, 409],
  ["can only create exec sessions on running containers: container state improper", 500, 409],
  ["container 1 is running or paused, refusing to clean up: container state improper", 500, 409],
  ["making volume mountpoint for volume /no/such: mkdir /no/such: permission denied", 500, 400],
  ["Not Found", 404, 501],
  ["no such container", 404, 404],
  ["creating container storage: no space left on device", 500, 500],
];

for (const [said, from, to] of SAID) {
  test(`Podman's ${from} "${said.slice(0, 60)}" is ${to}`, () => {
    assert.equal(dockersStatus(from, said), to);
  });
}

test("Podman's states, health and architectures have Docker's names", () => {
  const states = ["configured", "initialized", "stopping", "stopped", "exited", "paused"];
  assert.deepEqual(states.map(dockersState), [
    "created",
    "created",
    "running",
    "exited",
    "exited",
    "paused",
  ]);
  assert.deepEqual(["", "healthy"].map(dockersHealth), ["none", "healthy"]);
  assert.deepEqual(["amd64", "arm64", "x86_64"].map(machineOf), ["x86_64", "aarch64", "x86_64"]);
});
