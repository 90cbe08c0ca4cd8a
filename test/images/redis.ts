/** A real Redis, the smallest server that keeps data in a volume. */
import { importImage, type TestImage } from "./import-image.ts";
import { debianPackages, unpackedProgram } from "./packages.ts";
import { cachedRootfs, Rootfs } from "./rootfs.ts";

export const REDIS_DATA = "/data";

/** As in the official image. */
const REDIS_ID = 999;

/** Redis as the user redis, which appends what it is told to a file in REDIS_DATA, a volume already. */
export async function importRedis(host: string): Promise<TestImage> {
  const server = ["redis-server", "--dir", REDIS_DATA, "--appendonly", "yes"];
  const changes = [
    "ENV PATH=/usr/bin:/bin",
    "USER redis",
    `WORKDIR ${REDIS_DATA}`,
    `VOLUME ${REDIS_DATA}`,
    `CMD ${JSON.stringify(server)}`,
  ];
  return importImage(host, await redisRootfs(), { name: "redis", changes });
}

async function redisRootfs(): Promise<string> {
  const packages = await debianPackages(["redis-tools", "dash"], ["redis-tools"]);
  return cachedRootfs({
    name: "redis",
    source: import.meta.filename,
    ingredients: packages.versions,
    async fill(folder, unpacked) {
      await packages.unpack(unpacked);
      const root = new Rootfs(folder, unpacked);
      // The server and its checkers are one program, which goes by its name.
      await root.program(`${unpacked}/usr/bin/redis-check-rdb`, "/usr/bin/redis-server");
      await root.program(`${unpacked}/usr/bin/redis-cli`);
      await root.program(await unpackedProgram(unpacked, "dash"), "/bin/sh");
      await root.users("redis", REDIS_ID);
      await root.makeFolder(REDIS_DATA, { owner: [REDIS_ID, REDIS_ID] });
    },
  });
}
