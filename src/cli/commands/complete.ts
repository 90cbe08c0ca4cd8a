import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { listVolumes } from "../../engine/volumes.ts";
import { parseSnapshotBaseName, snapshotBaseName } from "../../snapshot/name.ts";
import { newestSnapshot } from "../../store/stranger.ts";
import {
  complete,
  splitLine,
  type Candidate,
  type CommandShape,
  type Question,
} from "../completion/words.ts";
import type { Session } from "../session.ts";
import type { Workspace, WorkspaceContext } from "../../app/workspace.ts";

/** An engine that does not answer by then is not waited for: somebody has pressed a key. */
const ENGINE_LIMIT_MS = 300;

/** Prints what may stand at the end of a line: a candidate a line. Says nothing else, whatever happens. */
export async function completeLine(
  session: Session,
  root: CommandShape,
  line: string,
): Promise<void> {
  const words = splitLine(line);
  const typed = words.at(-1) ?? "";
  const { candidates, question } = complete(root, words);
  const found = question === undefined ? candidates : await answer(session, question);
  const lines = found
    .filter(({ value }) => value.startsWith(typed))
    .map(({ value, description }) => `${value}\t${description}\n`);
  session.io.stdout.write(lines.join(""));
}

async function answer(session: Session, question: Question): Promise<readonly Candidate[]> {
  try {
    using workspace = await session.openWorkspace();
    const contexts = await workspace.contexts();
    if (question.argument === "context") return contextNames(workspace);
    if (/volume/.test(question.argument)) return await volumes(contexts, session);
    if (!/snapshot|^from$|^to$/.test(question.argument)) return [];
    const [volume] = question.before;
    return volume === undefined
      ? await allReferences(contexts)
      : await referencesOf(contexts, volume.replace(/@.*$/, ""));
  } catch {
    return [];
  }
}

function contextNames({ file }: Workspace): readonly Candidate[] {
  const contexts = file?.manifest.contexts ?? [];
  return contexts.flatMap(({ name }) =>
    name === undefined ? [] : [{ value: name, description: "" }],
  );
}

/** Declared ones, those with snapshots, and those that the engine has, where it answers at once. */
async function volumes(
  contexts: readonly WorkspaceContext[],
  { io }: Session,
): Promise<readonly Candidate[]> {
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(ENGINE_LIMIT_MS)]);
  const found = new Map<string, Candidate>();
  const add = (value: string, description: string): void => {
    if (!found.has(value)) found.set(value, { value, description });
  };
  const existing = Promise.all(
    contexts.map(({ engine }) => listVolumes(engine, signal).catch(() => [])),
  );
  for (const context of contexts) for (const name of context.volumes.keys()) add(name, "declared");
  for (const name of await folderNames(contexts)) add(name, "has snapshots");
  for (const { name } of (await existing).flat()) add(name, "");
  return [...found.values()].toSorted((a, b) => (a.value < b.value ? -1 : 1));
}

/** `volume@latest` and each of a volume's times, the newest first. */
async function allReferences(contexts: readonly WorkspaceContext[]): Promise<readonly Candidate[]> {
  const names = await folderNames(contexts);
  const all = await Promise.all(
    names.map(async (name) =>
      (await referencesOf(contexts, name)).map(({ value, description }) => ({
        value: `${name}@${value}`,
        description,
      })),
    ),
  );
  return all.flat();
}

async function referencesOf(
  contexts: readonly WorkspaceContext[],
  volume: string,
): Promise<readonly Candidate[]> {
  const folders = new Set(contexts.flatMap((context) => context.snapshotFolders(volume)));
  const names = (await Promise.all([...folders].map(entries))).flat();
  const times = names
    .flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -".json".length)] : []))
    .filter((baseName) => parseSnapshotBaseName(baseName) !== undefined)
    .map((baseName) => baseName.replace(/__.*$/, ""));
  const newestFirst = [...new Set(times)].toSorted().toReversed();
  const latest = await newestSnapshot([...folders], volume);
  return [
    ...(latest === undefined
      ? []
      : [{ value: "latest", description: snapshotBaseName(latest).replace(/__.*$/, "") }]),
    ...newestFirst.map((value) => ({ value, description: "" })),
  ];
}

/** Names of folders that can be those of volumes with snapshots. */
async function folderNames(contexts: readonly WorkspaceContext[]): Promise<readonly string[]> {
  const roots = new Set(contexts.flatMap((context) => context.snapshotFolders("")));
  const names = await Promise.all(
    [...roots].map(async (root) => {
      const inside = await entries(root);
      const each = await Promise.all(inside.map((name) => entries(join(root, name))));
      return inside.filter((_, i) => each[i]?.some((name) => name.endsWith(".json")));
    }),
  );
  return [...new Set(names.flat())].toSorted();
}

async function entries(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
