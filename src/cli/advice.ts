import type {
  Advice,
  Allowance,
  Declared,
  InPlaceWhy,
  PlainAdviceCode,
  RecoverWhen,
  RootWay,
  SnapshotAdviceCode,
  VolumeAdviceCode,
} from "../advice.ts";
import { shellWord } from "../format.ts";
import type { Call } from "./call.ts";

/** What is said of an advice: a sentence, and a command or choices that it speaks of, to be copied. */
interface Said {
  readonly text: string;
  readonly command?: string;
  readonly choices?: readonly Said[];
}

type ErrorAdvice = { readonly hint?: string | undefined; readonly advice: readonly Advice[] };

/**
 * What to do about an error or a warning, in the words of this face.
 *
 * @param about the hint, which goes before, is for every face the same.
 * @param call advice that names an option which its command has not is left out.
 * @returns a line for the sentences in a row, and below it, indented, one for each command and choice; nothing where
 * there is nothing to do.
 */
export function adviceLines(about: ErrorAdvice, call: Call): readonly string[] {
  const lines: string[] = [];
  let sentences: string[] = [];
  const end = (): void => {
    if (sentences.length > 0) lines.push(sentences.join(" "));
    sentences = [];
  };
  for (const said of allSaid(about, call)) {
    sentences.push(said.text);
    const below = linesBelow(said);
    if (below.length > 0) end();
    lines.push(...below);
  }
  end();
  return lines;
}

function linesBelow({ command, choices = [] }: Said): readonly string[] {
  return [
    ...(command === undefined ? [] : [command]),
    ...choices.flatMap((choice) => [choice.text, ...linesBelow(choice)]),
  ].map((line) => `  ${line}`);
}

/** The same as one text, as documents have it; `undefined` where there is nothing to do. */
export function adviceText(about: ErrorAdvice, call: Call): string | undefined {
  const said = allSaid(about, call);
  const sentences = said.map(inOneLine).join(" ");
  const choices = said.flatMap((each) => each.choices ?? []).map(inOneLine);
  return said.length === 0 ? undefined : [sentences, ...choices].join("\n    ");
}

function inOneLine({ text, command }: Said): string {
  return command === undefined ? text : `${text} ${command}`;
}

function allSaid({ hint = "", advice }: ErrorAdvice, call: Call): readonly Said[] {
  const given = advice
    .map((each) => inWords(each, call.line))
    .filter((said) =>
      [said, ...(said.choices ?? [])].every((each) => call.hasOptionsOf(inOneLine(each))),
    );
  return [...(hint === "" ? [] : [{ text: hint }]), ...given].map((said) => onTheSame(said, call));
}

function onTheSame({ text, command, choices = [] }: Said, call: Call): Said {
  return {
    text: call.onTheSame(text),
    ...(command === undefined ? {} : { command: call.onTheSame(command) }),
    choices: choices.map((choice) => onTheSame(choice, call)),
  };
}

function inWords(advice: Advice, commandLine: string): Said {
  if (isAboutSnapshot(advice)) {
    return { text: WITH_SNAPSHOT[advice.code], command: restoreCommand(advice) };
  }
  if (isInSentence(advice)) return { text: inSentence(advice) };
  switch (advice.code) {
    case "create-from-snapshot":
      return {
        text: `${advice.when === "missing" ? "It does not exist. To create" : "Or create"} it as the snapshot says and restore into it:`,
        command: `${commandLine} --create`,
      };
    case "go-on":
      return { text: "To continue:", command: `${commandLine} ${allowing(advice.allow)}` };
    case "choose-snapshot":
      return { text: "There are:", choices: advice.names.map((text) => ({ text })) };
    case "choose-root":
      return {
        text: `Say what is to be the root of volume "${advice.volume}":`,
        choices: advice.ways.map((way) => rootWay(way, commandLine)),
      };
  }
}

/** What has lines below its sentence. */
type WithLines = With<
  SnapshotAdviceCode | "create-from-snapshot" | "go-on" | "choose-snapshot" | "choose-root"
>;
type InSentence = Exclude<Advice, WithLines>;

const WITH_LINES: ReadonlySet<string> = new Set<Exclude<WithLines["code"], SnapshotAdviceCode>>([
  "create-from-snapshot",
  "go-on",
  "choose-snapshot",
  "choose-root",
]);

function isInSentence(advice: Exclude<Advice, With<SnapshotAdviceCode>>): advice is InSentence {
  return !WITH_LINES.has(advice.code);
}

function inSentence(advice: InSentence): string {
  if (isPlain(advice)) return PLAIN[advice.code];
  if (isAboutVolume(advice)) return WITH_VOLUME[advice.code](advice.volume);
  switch (advice.code) {
    case "recover":
      return RECOVER[advice.when](`\`dockform volume recover ${advice.volume}\``);
    case "undo-to-new":
      return `The new contents are kept: ${advice.volumes.map((volume) => `\`${undoCommand(volume)}\``).join(", ")} puts them in place.`;
    case "undo-to-old":
      return `The old ones are kept: \`${undoCommand(advice)}\` puts them back.`;
    case "choose-context":
      return `Name one with --context: ${advice.contexts.join(", ")}.`;
    case "restore-without":
      return `To restore without what cannot be put back: --without ${advice.aspects.join(",")}`;
    case "restore-in-place":
      return IN_PLACE[advice.why];
    case "choose-origin":
      return `Add --from-volume ${advice.origin} to restore it into volume "${advice.volume}" all the same.`;
  }
}

/** The flags that allow it, each once. */
function allowing(allow: readonly Allowance[]): string {
  const flags = allow.map((each) =>
    each.what === "other origin"
      ? `--from-volume ${shellWord(each.volume)}`
      : ALLOWING_FLAGS[each.what],
  );
  return [...new Set(flags)].join(" ");
}

export const ALLOWING_FLAGS: Readonly<Record<Exclude<Allowance["what"], "other origin">, string>> =
  {
    "replace contents": "--force",
    "stop containers": "--stop-containers",
    "undeclared volume": "--undeclared",
    "discard kept contents": "--discard-kept",
  };

function restoreCommand({ volume, declared, archivePath }: With<SnapshotAdviceCode>): string {
  return `dockform volume restore ${volume} ${shellWord(archivePath)} --force --stop-containers${declared ? "" : " --undeclared"}`;
}

/** Containers that use it are stopped; where none does, the flag does no harm. */
export function undoCommand({ volume, declared }: Declared): string {
  return `dockform volume undo ${volume} --stop-containers${declared ? "" : " --undeclared"}`;
}

type With<Code> = Extract<Advice, { readonly code: Code }>;

function isPlain(advice: Advice): advice is With<PlainAdviceCode> {
  return Object.hasOwn(PLAIN, advice.code);
}

function isAboutVolume(advice: Advice): advice is With<VolumeAdviceCode> {
  return Object.hasOwn(WITH_VOLUME, advice.code);
}

function isAboutSnapshot(advice: Advice): advice is With<SnapshotAdviceCode> {
  return Object.hasOwn(WITH_SNAPSHOT, advice.code);
}

export const RECOVER: Readonly<Record<RecoverWhen, (command: string) => string>> = {
  interrupted: (command) =>
    `Run ${command}: it puts the old or the new contents in place, whole, and starts the containers that were stopped.`,
  stopped: (command) => `Run ${command}.`,
  unstarted: (command) => `If its client died before it could begin, ${command} takes it away.`,
  retry: (command) => `${command} tries again.`,
  first: (command) => `Run ${command} before anything else.`,
  after: (command) => `Then run ${command}.`,
  again: (command) => `Then run ${command} again.`,
  mended: (command) =>
    `Run ${command} once the cause is fixed: it puts the old or the new contents in place and starts the containers that were stopped.`,
  "mended-there": (command) =>
    `Run ${command} there once the cause is fixed, or with the two files at the same path elsewhere.`,
};

const CLEARED_FIRST =
  "a snapshot of the old contents is written and checked, then they are removed before the new ones";

export const IN_PLACE: Readonly<Record<InPlaceWhy, string>> = {
  "no-room": `Or add --in-place: ${CLEARED_FIRST} are extracted.`,
  "no-room-after-all": "Or add --in-place to do without room for the old contents.",
  immovable: `Add --in-place: ${CLEARED_FIRST} take their place.`,
  "immovable-after-all":
    "The file system does not move everything to another folder: run the restore with --in-place.",
  "another-time": "A snapshot can be restored with `dockform volume restore --in-place`.",
};

function rootWay(way: RootWay, commandLine: string): Said {
  switch (way.kind) {
    case "folder":
      return {
        text: `What is in ${way.folder}:`,
        command: `${commandLine} --from ${shellWord(way.folder)}`,
      };
    case "strip":
      return {
        text: `What is in ${way.folder}:`,
        command: `${commandLine} --strip-components ${way.components}`,
      };
    case "as it is":
      return { text: "Everything as it is:", command: `${commandLine} --strip-components 0` };
  }
}

const IMAGE = "what to start with --image and --command";

export const PLAIN: Readonly<Record<PlainAdviceCode, string>> = {
  "list-volumes": "Run `dockform volume list` to see the volumes there are.",
  "name-volumes": "Name volumes, describe them as in 'myapp_*', or give --all.",
  "list-what-is-left": "`dockform snapshot list` shows what is left.",
  "list-files": "`dockform snapshot files` shows what it holds.",
  "path-as-listed": "Give a path as `dockform snapshot files` shows it.",
  "path-as-listed-or-all":
    "Give a path as `dockform snapshot files` shows it; for everything omit --path.",
  "verify-snapshots": "`dockform snapshot verify` finds the good ones.",
  "find-snapshots": "`dockform snapshot list` shows those there are.",
  "extract-instead": "`dockform snapshot extract` brings back anything else.",
  "extract-and-copy": "Use `dockform snapshot extract`, then copy it to its place.",
  "choose-store": "Name another folder with --store.",
  "choose-manifest":
    "Check the path given with --manifest, or run `dockform init` to write a manifest.",
  "write-manifest": "Run `dockform init` to write one, or name one with --manifest.",
  "drop-context": "Omit --context, or add the context to the manifest.",
  "choose-engine": "DOCKER_HOST or --context choose another one.",
  "allow-insecure": "On a network where you trust everybody, --insecure allows it.",
  "choose-drill-image": `Name ${IMAGE}.`,
  "choose-drill-container": `Name one with --container, or ${IMAGE}.`,
  "choose-other-container": `Name a container that does, or ${IMAGE}.`,
  "choose-mount-path": "Say where it has its data with --mount-path.",
  "choose-root-folder":
    "--strip-components needs everything in one folder. Name the one that is to be the volume's root with --from. `dockform snapshot files` shows what there is.",
  "allow-empty": "Restore from another snapshot, or add --force-empty to leave the volume empty.",
  "allow-lost-attributes": "Or omit --strict-attributes.",
  "declare-volume": "Declare it under `volumes:`, or add --undeclared to work on it all the same.",
  "manifest-or-undeclared":
    "Run `dockform init` to write one, or add --undeclared to work on it all the same.",
  apply: "Run `dockform apply` to create it.",
  "create-or-declare":
    "Create it with `docker volume create`, or declare it and run `dockform apply`.",
  "apply-then-restore":
    "Run `dockform apply` to create it as declared, then restore without --create. Or change the manifest.",
  "create-then-restore":
    "Create it with `docker volume create` and the options that you want, then restore with --undeclared, without --create.",
  "start-then-restore": "Start a container that uses it, then restore with --stop-containers.",
  "replace-contents":
    "Add --force to replace what it holds. Take a snapshot of it first if you may need it.",
  "replace-paths": "Add --force to replace it.",
  "stop-containers":
    "Add --stop-containers: running ones are stopped for the swap, then started again.",
  "keep-nothing": "Omit --keep-previous and --keep-failed: --in-place writes a snapshot first.",
  "keep-something": "Add --keep-previous or --keep-failed, or omit --discard-kept.",
  "keep-previous":
    "`dockform volume restore --keep-previous` keeps what it replaces. Snapshots can be restored without it.",
  "keep-failed": "With --keep-failed the new contents are kept to look at.",
  "more-health-time": "Raise --health-timeout to wait longer, or set it to 0 to skip the check.",
  "repeat-when-healthy":
    "The old ones are still in the volume. Run this again once the containers are healthy; with --health-timeout 0 the old contents are removed all the same.",
  "copy-before-recovery":
    "Copy them from there before you run `dockform volume recover`, which removes them once the containers are healthy.",
  "drop-origin": "Omit --from-volume to restore it all the same.",
  "keep-no-part":
    "Omit --keep-previous, --keep-failed and --in-place. Take a snapshot first if you may need what --path replaces.",
  "choose-attributes": "Choose one of --strict-attributes and --without attributes.",
  "compare-by-volume":
    "Name the snapshot by its volume, as in `dockform snapshot diff myapp_data@latest live`.",
  "choose-retention":
    "Give rules, as in --keep-daily 7 --keep-weekly 4, or write them into the manifest: volumes: { name: { snapshot: { keep: { daily: 7 } } } }.",
  "list-snapshots": "`dockform snapshot list` shows what there is; remove other files yourself.",
};

export const WITH_VOLUME: Readonly<Record<VolumeAdviceCode, (volume: string) => string>> = {
  "take-first-snapshot": (volume) =>
    `Take one with \`dockform volume snapshot ${volume}\`. \`dockform snapshot list\` shows what there is.`,
  "restore-from-elsewhere": (volume) =>
    `Restore one from elsewhere with \`dockform volume restore ${volume} <snapshot> --force --stop-containers\`.`,
  "let-go-of-kept": (volume) =>
    `\`dockform volume undo ${volume}\` puts back what is kept, and \`dockform volume undo ${volume} --discard\` removes it. With --discard-kept it is removed once other contents are kept.`,
  "let-go-or-undo": (volume) =>
    `\`dockform volume undo ${volume}\` puts them back, and \`dockform volume undo ${volume} --discard\` removes them.`,
};

export const WITH_SNAPSHOT: Readonly<Record<SnapshotAdviceCode, string>> = {
  "restore-snapshot": "Restore a snapshot:",
  "restore-when-possible": "Where the volume can hold it, restore it:",
  "go-back": "To go back:",
};
