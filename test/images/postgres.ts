/** A real PostgreSQL, to see that it starts on what was restored. */
import { importImage, type TestImage } from "./import-image.ts";
import { debianPackages, unpackedProgram } from "./packages.ts";
import { cachedRootfs, Rootfs } from "./rootfs.ts";

const VERSION = "15";
const PROGRAMS = `/usr/lib/postgresql/${VERSION}/bin`;
const MODULES = `/usr/lib/postgresql/${VERSION}/lib`;
const SHARE = `/usr/share/postgresql/${VERSION}`;
const SHELL_TOOLS = ["cat", "chmod", "chown", "id", "ls", "mkdir", "rm", "sleep", "stat"];

/** As in the official image. */
const POSTGRES_ID = 999;

export const POSTGRES_DATA = "/var/lib/postgresql/data";

const ENTRY = `#!/bin/sh
# Makes a database where there is none, as PostgreSQL's official image does, and
# leaves the judgement of a directory's owner and mode to PostgreSQL itself.
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --no-sync --auth=trust --username=postgres --encoding=UTF8 --locale=C.UTF-8
fi
exec postgres "$@"
`;

/**
 * PostgreSQL 15 as the user postgres, data in POSTGRES_DATA, which is a volume
 * already. `psql -U postgres` gets in without a password. An import cannot set a
 * stop signal, so a stop waits until clients have gone, up to its time limit.
 */
export async function importPostgres(host: string): Promise<TestImage> {
  const changes = [
    `ENV PATH=${PROGRAMS}:/usr/bin:/bin`,
    `ENV PGDATA=${POSTGRES_DATA}`,
    "ENV LANG=C.UTF-8",
    "USER postgres",
    `VOLUME ${POSTGRES_DATA}`,
    'ENTRYPOINT ["/bin/entry"]',
  ];
  return importImage(host, await postgresRootfs(), { name: "postgres", changes });
}

async function postgresRootfs(): Promise<string> {
  const server = [`postgresql-${VERSION}`, `postgresql-client-${VERSION}`];
  const packages = await debianPackages([...server, "tzdata", "coreutils", "dash"], server);
  return cachedRootfs({
    name: "postgres",
    source: import.meta.filename,
    ingredients: packages.versions,
    async fill(folder, unpacked) {
      await packages.unpack(unpacked);
      const root = new Rootfs(folder, unpacked);
      for (const program of [
        "initdb",
        "pg_controldata",
        "pg_ctl",
        "pg_isready",
        "postgres",
        "psql",
      ]) {
        await root.program(`${unpacked}${PROGRAMS}/${program}`);
      }
      await addData(root, unpacked);
      for (const tool of SHELL_TOOLS) {
        await root.program(await unpackedProgram(unpacked, tool), `/bin/${tool}`);
      }
      await root.program(await unpackedProgram(unpacked, "dash"), "/bin/sh");
      await root.write("/bin/entry", ENTRY, 0o755);
      await addOwner(root);
    },
  });
}

async function addData(root: Rootfs, unpacked: string): Promise<void> {
  await root.copyFolder(`${unpacked}${SHARE}`, SHARE);
  await root.copyFolder(`${unpacked}/usr/share/zoneinfo`, "/usr/share/zoneinfo");
  await root.copyFolder("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.utf8");
  for (const module of ["dict_snowball.so", "plpgsql.so", "libpqwalreceiver.so"]) {
    await root.program(`${unpacked}${MODULES}/${module}`);
  }
}

async function addOwner(root: Rootfs): Promise<void> {
  await root.users("postgres", POSTGRES_ID);
  const owner = [POSTGRES_ID, POSTGRES_ID] as const;
  await root.makeFolder("/run/postgresql", { owner, mode: 0o2775 });
  await root.link("/var/run", "/run");
  await root.makeFolder(POSTGRES_DATA, { owner, mode: 0o700 });
}
