/** Images that stand in for Alpine Linux, for tests of the helper's image. */
import { join } from "node:path";

import { run } from "../oracle/host.ts";
import { importImage, type TestImage } from "./import-image.ts";
import { debianPackages, unpackedProgram } from "./packages.ts";
import { cachedRootfs, Rootfs } from "./rootfs.ts";

const TOOL_PACKAGES = ["acl", "attr", "findutils", "perl-base", "tar", "zstd"];

/** What `apk add tar zstd acl attr findutils perl` adds, of what a helper may want. */
const TOOLS = ["tar", "zstd", "getfacl", "setfacl", "getfattr", "setfattr", "find", "perl"];

const CHANGES = ["ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["/bin/sh"]'];

/** Alpine after `apk add tar zstd acl attr findutils perl`: those are the real ones, all else is BusyBox. */
export async function importBusyboxWithTools(host: string): Promise<TestImage> {
  const archive = await busyboxRootfs("busybox-tools", TOOL_PACKAGES, async (root, unpacked) => {
    for (const tool of TOOLS)
      await root.program(await unpackedProgram(unpacked, tool), `/bin/${tool}`);
  });
  return importImage(host, archive, { name: "busybox-tools", changes: CHANGES });
}

/** Nothing but BusyBox, whose tar loses attributes, ACLs and holes. */
export async function importBusybox(host: string): Promise<TestImage> {
  const archive = await busyboxRootfs("busybox", [], async () => undefined);
  return importImage(host, archive, { name: "busybox", changes: CHANGES });
}

/**
 * Alpine as a registry has it: `apk add --no-cache tar zstd acl attr findutils perl` works,
 * without a network, once, and for these packages only.
 *
 * @param reference e.g. `alpine:3.23.5`, that a Dockerfile's FROM finds it
 */
export async function importFakeAlpine(host: string, reference?: string): Promise<TestImage> {
  const archive = await busyboxRootfs("alpine", TOOL_PACKAGES, async (root, unpacked) => {
    for (const tool of TOOLS) {
      const file = await unpackedProgram(unpacked, tool);
      await root.librariesOf([file]);
      await root.copy(file, `${FAKE_FOLDER}/bin/${tool}`);
    }
    await root.write("/sbin/apk", FAKE_APK, 0o755);
    await root.write("/etc/alpine-release", "3.0.0-fake\n");
  });
  const options = { name: "alpine", changes: CHANGES };
  return importImage(host, archive, reference === undefined ? options : { ...options, reference });
}

const FAKE_FOLDER = "/lib/apk/fake";

const FAKE_APK = `#!/bin/sh
# Stands in for Alpine's package manager.
packages=
for word; do
  case $word in
    add | --no-cache) ;;
    acl | attr | findutils | perl | tar | zstd) packages="$packages $word" ;;
    *) echo "ERROR: unable to select packages: $word (no such package)" >&2; exit 1 ;;
  esac
done
[ "$(echo $packages | tr ' ' '\\n' | sort | tr '\\n' ' ')" = "acl attr findutils perl tar zstd " ] || exit 1
rm /bin/tar /bin/find && cp -a ${FAKE_FOLDER}/. / && rm -r ${FAKE_FOLDER} && echo "OK: fake packages"
`;

async function busyboxRootfs(
  name: string,
  morePackages: readonly string[],
  finish: (root: Rootfs, unpacked: string) => Promise<void>,
): Promise<string> {
  // Not busybox-static: its shell runs its own applets instead of what is on PATH, unlike Alpine's.
  const packages = await debianPackages(["busybox", ...morePackages], morePackages);
  return cachedRootfs({
    name,
    source: import.meta.filename,
    ingredients: packages.versions,
    async fill(folder, unpacked) {
      await packages.unpack(unpacked);
      const root = new Rootfs(folder, unpacked);
      const busybox = join(unpacked, "bin/busybox");
      await root.program(busybox);
      for (const applet of (await run(busybox, ["--list"])).toString().trim().split("\n")) {
        if (applet !== "busybox") await root.link(join("/bin", applet), "/bin/busybox");
      }
      // As Alpine has them: names must not find their way into ACLs.
      await root.write(
        "/etc/passwd",
        "root:x:0:0::/root:/bin/sh\ndaemon:x:2:2::/sbin:/bin/false\n",
      );
      await root.write("/etc/group", "root:x:0:\ndaemon:x:2:\nadm:x:4:\n");
      await finish(root, unpacked);
    },
  });
}
