# The staging folder of an operation holds sides, each with `contents`, and with `root`, an empty folder
# that has the root folder's metadata, since moving entries changes a folder's time.
#
#   new.partial   being extracted
#   new           extracted and flushed: to be put in place, or put away
#   kept          taken from .dockform-kept: to be put in place, or put back there
#   old.partial   present contents are on their way out: the way is back
#   old           they are out: the way is forward
#   back          was old, and has to be put in place again, whatever happens
#   returned      was back, and is in place again; old is what it replaced
#   paths         the only paths that change places, a word each; without it everything does
#   about         what .dockform-kept will say of old; without it old is removed in the end
#   about.back    the same once the way is back, and old is what was new
#   safety        where the only copy of the old contents is, for want of room here; they are gone from old
#   safety.done   was safety; new contents are in place, or on their way out as well
#   left.clock    tells the file system's time
#   left          names in the volume of what could not be renamed: its only copy is the safety one, too, once
#                 old has no contents any more, and it is removed where it is
#   left.links    which of the files at or below those names have others
#   accepted      there, new was found good by the client, and may be put in place without it
#   emptied       was new or kept, and is in place; its contents are an empty folder, on whatever disks of a union of
#                 disks they lie on, so that they can go back there
#
# What somebody else put into the volume meanwhile is put aside, into .dockform-aside-ID at the top of the volume.
# It may be the only copy of something, and is never removed here.
#
# Each step from one of these states to the next is one rename, so that the folders alone tell what is to
# be done, and no step removes what another state still needs. What a file says is flushed before its name
# counts: after a loss of power the name may be there and the file empty.
staging=
spared=

# begin ID: makes the staging folder, and has it on the disk before the first container is stopped: a recovery that finds
# containers stopped and no folder cannot tell what the volume holds.
begin() {
	resume "$1" || make_staging "$1" || exit 1
	flush
}

# make_staging ID: without a trace in the root folder's time, and without the root folder's setgid bit, which what is
# extracted into it would have as well.
make_staging() {
	staging=$volume/$staging_prefix$1
	touch -r $volume $scratch/root-time
	mkdir -m 700 "$staging" && chmod g-s "$staging" && touch -r $scratch/root-time $volume && echo "$1" >$scratch/staging
}

# begin_by_kept ID: makes it on the disk of a union of disks on which what is kept lies, which could not be renamed into
# it elsewhere. A death in between leaves an empty folder in what is kept.
begin_by_kept() {
	touch -r $volume $scratch/root-time
	find "$volume/$kept_name" -mindepth 1 -maxdepth 1 -type d -name "$staging_pattern" -exec rmdir {} + 2>/dev/null
	beginning=$volume/$kept_name/$staging_prefix$1
	mkdir -m 700 "$beginning" && chmod g-s "$beginning" && move "$beginning" "$volume/$staging_prefix$1" &&
		touch -r $scratch/root-time $volume && resume "$1"
}

# probe ID HOW [PATH...]: whether what is in the volume, or these paths of it, words with octal escapes, can be renamed into
# a folder of ours in it. HOW is in_place where what cannot be is to be removed, or else beside; beside_kept means a folder
# as take_kept makes it.
probe() {
	how=$2
	resume "$1" || if [ "$how" = beside_kept ]; then begin_by_kept "$1"; else make_staging "$1"; fi || exit 1
	touch -r $volume $scratch/root-time
	shift 2
	for word; do
		path=$(unescaped "$word")
		shift
		set -- "$@" "${path%.}"
	done
	spare_lost_found
	renaming probe "$how" $volume "$staging" "$spared" "$@"
	probed=$?
	rm -rf "$staging" && rm -f $scratch/staging && touch -r $scratch/root-time $volume && return $probed
}

# resume ID: goes on with a staging folder that is there; it may be that of a helper that died.
resume() {
	staging=$volume/$staging_prefix$1
	[ -d "$staging" ] && echo "$1" >$scratch/staging
}

# try_samples ID OWNER...: what the file system under the volume can hold. Little entries of our own, some with these owners
# (UID:GID), are extracted as an archive's are, and told as they are read back: mode with marks, owner, date, time.
# What tar says of them is for the client, too.
try_samples() {
	resume "$1" || make_staging "$1" || exit 1
	shift
	samples=$staging/samples
	# What an extraction that failed has left may fill the disk.
	if [ -e "$staging/new.partial" ]; then rm -rf "$staging/new.partial" || exit 1; fi
	if [ -e "$samples" ]; then rm -rf "$samples" || exit 1; fi
	mkdir -m 700 "$samples" || exit 1
	# shellcheck disable=SC2086
	perl -e '@samples.pl@' "$@" | tar --extract --file=- --directory="$samples" $faithful --same-owner \
		--preserve-permissions --warning=no-timestamp
	# shellcheck disable=SC2086
	tar --create --file=- --directory="$samples" --format=posix $faithful . 2>/dev/null |
		tar --list --file=- --verbose --full-time $faithful |
		awk '{
			sub(/^\.\//, "", $6)
			if ($6 != "") print ENVIRON["DOCKFORM_MARK"], "tried_" $6, $1, $2, $4, $5
		}' >&2
	rm -rf "$samples"
}
