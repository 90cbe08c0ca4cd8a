/** Has each step of a helper's script counted, and everything, or its client alone, end before a chosen one. */
import { writeFileSync, lstatSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** In place of each program that changes anything. Before there is a file for them, no steps are counted. */
const SHIM = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
step() {
	[ -e "$STEPS" ] || return 0
	printf x >>"$STEPS"
	IFS= read -r steps <"$STEPS"
	[ "\${#steps}" = "$DIE_AT" ] || return 0
	if [ -n "$CLIENT_FILE" ]; then
		: >"$CLIENT_FILE"
		while [ -e "$CLIENT_FILE" ]; do sleep 0.01; done
		return 0
	fi
	if [ -n "$COMMIT" ]; then echo >>"$COMMIT" && sync "$COMMIT"; fi
	kill -9 $FIRST_GROUP 0
}
program=\${0##*/}
# A program of perl takes many steps: each call that changes anything is one.
if [ $program = perl ]; then exec perl -e "$PERL_STEPS" "$@"; fi
if [ "$program $1" = "rm -rf" ] && [ -d "$2/old" ]; then
	# Half of a tree may be gone.
	step
	rm -rf "$2/old"
fi
step
exec $program "$@"
`;
/** The same for the calls of a program of perl. */
const PERL_STEPS = `
BEGIN {
	my $step = sub {
		return if !-e $ENV{STEPS};
		open(my $steps, ">>", $ENV{STEPS}) or die;
		syswrite $steps, "x";
		return if -s $steps != $ENV{DIE_AT};
		if ((my $lives = $ENV{CLIENT_FILE}) ne "") {
			open(my $file, ">", $lives) or die;
			select undef, undef, undef, 0.01 while -e $lives;
			return;
		}
		if ($ENV{COMMIT} ne "") { system "echo >>$ENV{COMMIT} && sync $ENV{COMMIT}" }
		kill "KILL", $ENV{FIRST_GROUP} || (), 0;
		sleep 60;
	};
	*CORE::GLOBAL::syscall = sub { $step->(); CORE::syscall($_[0], $_[1], $_[2], $_[3], $_[4], $_[5]) };
	*CORE::GLOBAL::rename = sub { $step->(); CORE::rename($_[0], $_[1]) };
	*CORE::GLOBAL::mkdir = sub { $step->(); CORE::mkdir($_[0], $_[1]) };
	*CORE::GLOBAL::rmdir = sub { $step->(); CORE::rmdir($_[0]) };
	*CORE::GLOBAL::unlink = sub { $step->(); CORE::unlink($_[0]) };
}
`;
const SHIMMED = ["perl", "mkdir", "rmdir", "rm", "touch", "tar", "setfacl", "setfattr", "sync"];

/** Makes the programs that count. */
export async function makeShims(folder: string): Promise<void> {
  await mkdir(folder);
  for (const program of SHIMMED) await writeFile(join(folder, program), SHIM, { mode: 0o755 });
}

export interface StepOptions {
  /** Of {@link makeShims}. */
  readonly shims: string;
  /** Where they are counted. */
  readonly file: string;
  /** Before which step everything ends; 0 for none. */
  readonly dieAt: number;
  /** Flushed before that, so that a journal commits; "" for none. */
  readonly commitFile: string;
  /**
   * Made at that step, at which only the client ends then: the step is taken once the file is gone. "" where the helper
   * ends.
   */
  readonly clientFile: string;
}

/** What a helper's processes need. */
export function stepEnvironment(options: StepOptions): Readonly<Record<string, string>> {
  return {
    PATH: `${options.shims}:/usr/sbin:/usr/bin:/sbin:/bin`,
    STEPS: options.file,
    DIE_AT: String(options.dieAt),
    COMMIT: options.commitFile,
    CLIENT_FILE: options.clientFile,
    PERL_STEPS,
  };
}

/** Every client says hello first, which changes nothing. The steps begin after that. */
export function countFrom(line: string, { STEPS = "" }: Readonly<Record<string, string>>): void {
  if (line !== "hello") writeFileSync(STEPS, "", { flag: "a" });
}

/** None before the first helper has begun. */
export function stepsIn(file: string): number {
  return lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
