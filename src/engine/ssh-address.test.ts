import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationArguments, sshAddress, sshCommand } from "./ssh-address.ts";

const parse = (host: string) => sshAddress({ context: "far", host });

test("an address is a host, and where they are given a user, a port and a socket", () => {
  const bare = { user: undefined, port: undefined, socketPath: undefined };
  assert.deepEqual(parse("ssh://My_Host"), { ...bare, host: "My_Host" });
  assert.deepEqual(parse("ssh://[fe80::1]:22/"), { ...bare, host: "fe80::1", port: "22" });
  const all = parse("ssh://me@far:2222/run/user/1000/docker.sock");
  assert.deepEqual(all, {
    host: "far",
    user: "me",
    port: "2222",
    socketPath: "/run/user/1000/docker.sock",
  });
  assert.equal(sshCommand(all), "ssh -p 2222 me@far");
});

test("a host that looks like an option of ssh is none", () => {
  const args = destinationArguments(parse("ssh://-oProxyCommand=id"));
  assert.deepEqual(args, ["--", "-oProxyCommand=id"]);
});

test("what ssh cannot use is refused, and a password is not shown", () => {
  const invalid = { code: "context.invalid-host", exitCode: 2 };
  for (const host of ["ssh://", "ssh://far:port", "ssh://far?x", "ssh://far#x"]) {
    assert.throws(() => parse(host), { ...invalid, message: /is not a host/ });
  }
  assert.throws(
    () => parse("ssh://me:secret@far"),
    (error: Error) => {
      assert.match(error.message, /has a password/);
      return !error.message.includes("secret");
    },
  );
});
