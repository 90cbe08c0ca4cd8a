import { listVolumes } from "../../engine/volumes.ts";
import { snapshotBaseName, type SnapshotName } from "../../snapshot/name.ts";
import { newestSnapshot } from "../../store/newest.ts";
import type { Store } from "../../store/store.ts";
import {
  complete,
  splitLine,
  type Candidate,
  type CommandShape,
  type Question,
} from "../completion/words.ts";
import { shownFields } from "../output/shown-text.ts";
import type { Session } from "../session.ts";
import { showable } from "../../showable.ts";
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
    // What cannot be shown cannot be typed either.
    .filter(({ value }) => value.startsWith(typed) && showable(value) === value);
  for (const { value, description } of lines) {
    session.print(shownFields([value, description]));
  }
}

async function answer(session: Session, question: Question): Promise<readonly Candidate[]> {
  try {
    using workspace = await session.openWorkspace();
    const contexts = await workspace.contexts();
    if (question.argument === "context") return contextNames(workspace);
    const { store } = workspace;
    if (/volume/.test(question.argument)) return await volumes(store, contexts, session);
    if (!/snapshot|^from$|^to$/.test(question.argument)) return [];
    const [volume] = question.before;
    return volume === undefined
      ? await allReferences(store, contexts)
      : await referencesOf(store, contexts, volume.replace(/@.*$/, ""));
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
  store: Store,
  contexts: readonly WorkspaceContext[],
  { io }: Session,
): Promise<readonly Candidate[]> {
  const signal = AbortSignal.any([io.interruption.signal, AbortSignal.timeout(ENGINE_LIMIT_MS)]);
  const found = new Map<string, Candidate>();
  const add = (value: string, description: string): void => {
    if (!found.has(value)) found.set(value, { value, description });
  };
  const existing = Promise.all(
    contexts.map(({ engine }) => listVolumes(engine, signal).catch(() => [])),
  );
  for (const context of contexts) for (const name of context.volumes.keys()) add(name, "declared");
  for (const name of await storedNames(store, contexts)) add(name, "has snapshots");
  for (const { name } of (await existing).flat()) add(name, "");
  return [...found.values()].toSorted((a, b) => (a.value < b.value ? -1 : 1));
}

/** `volume@latest` and each of a volume's times, the newest first. */
async function allReferences(
  store: Store,
  contexts: readonly WorkspaceContext[],
): Promise<readonly Candidate[]> {
  const names = await storedNames(store, contexts);
  const all = await Promise.all(
    names.map(async (name) =>
      (await referencesOf(store, contexts, name)).map(({ value, description }) => ({
        value: `${name}@${value}`,
        description,
      })),
    ),
  );
  return all.flat();
}

async function referencesOf(
  store: Store,
  contexts: readonly WorkspaceContext[],
  volume: string,
): Promise<readonly Candidate[]> {
  const places = contexts.flatMap((context) => context.storedNames(volume));
  const listed = await Promise.all(places.map((place) => store.snapshotsOf(place)));
  const newestFirst = [...new Set(listed.flat().map(timeText))].toSorted().toReversed();
  const latest = await newestSnapshot(store, places, volume);
  return [
    ...(latest === undefined ? [] : [{ value: "latest", description: timeText(latest) }]),
    ...newestFirst.map((value) => ({ value, description: "" })),
  ];
}

/** As the name of its files has it. */
function timeText(snapshot: SnapshotName): string {
  return snapshotBaseName(snapshot).replace(/__.*$/, "");
}

/** Names of volumes with snapshots in one of the contexts. */
async function storedNames(
  store: Store,
  contexts: readonly WorkspaceContext[],
): Promise<readonly string[]> {
  const names = new Set(contexts.map(({ name }) => name));
  const found = (await store.list()).filter(
    ({ context, snapshots }) =>
      snapshots.length > 0 && (context === undefined || names.has(context)),
  );
  return [...new Set(found.map(({ volume }) => volume))].toSorted();
}
