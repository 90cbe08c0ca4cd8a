#!/bin/sh
# shellcheck disable=SC2016 # programs of awk have dollars of their own
# Runs inside the helper container. It sees the volume at /volume and, where the client shares this
# kernel, a folder of the client's at /exchange; nothing else, and no network.
#
#   serve          PID 1: reads a verb a line until the client's connection closes. A verb that has
#                  begun is finished first, so a client that dies cannot cut a swap in two.
#   VERB ARG...    one verb, as an exec; there the data stream is the exec's stdin or stdout.
#
# Replies are lines on stderr that begin with $DOCKFORM_MARK, which nobody else knows; every other
# line there is a message of a tool.
#
# POSIX sh: it runs under dash, bash and BusyBox ash.
set -uf
export LC_ALL=C
# Without it the C library looks for the local time zone once for each entry that tar lists.
export TZ=UTC0
# What the image says of tar and zstd could leave out files without a word.
unset TAR_OPTIONS TAPE TAR_RSH RSH POSIXLY_CORRECT ZSTD_CLEVEL ZSTD_NBTHREADS

# A program of perl, which takes this name's place when the script is loaded (script.ts).
rename_program='@rename.pl@'

volume=/volume
exchange=/exchange
scratch=/scratch

# Names at the top of a volume that are ours: an operation in flight, what an operation keeps, what is being
# removed, and what somebody else wrote between old and new.
hex='[0-9a-f]'
id_pattern=$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex$hex
staging_pattern=.dockform-$id_pattern
trash_pattern=.dockform-trash-$id_pattern
aside_pattern=.dockform-aside-$id_pattern
kept_name=.dockform-kept
reserved="( -name $staging_pattern -o -name $trash_pattern -o -name $aside_pattern -o -name $kept_name )"

# The unit in which tar reads and writes. 60 KiB, the most that a pipe takes at once and a multiple of tar's
# default: half the processor time of 10 KiB.
records=--blocking-factor=120

# Whatever else wants the processor goes first, where the image has a tool for that.
patient='nice -n 19'
command -v nice >/dev/null || patient=

# What makes tar faithful, on both sides. SELinux labels belong to the host, not to the data: the
# engine sets them itself.
faithful='--xattrs --xattrs-include=* --xattrs-exclude=security.selinux --acls --numeric-owner'

reply() {
	printf '%s %s\n' "$DOCKFORM_MARK" "$*" >&2
}

run() {
	("$@")
	reply end $?
}

serve() {
	trap finish TERM
	beats=0
	echo $beats >$scratch/beats
	watch_client &
	watchdog=$!
	while IFS= read -r line; do
		beats=$((beats + 1))
		if [ -n "$line" ]; then
			echo busy >$scratch/beats
			# shellcheck disable=SC2086 # a verb and its arguments are single words
			run $line </dev/null
		fi
		echo $beats >$scratch/beats
	done >/dev/null
	finish
}

# An engine that was restarted under its containers, or a network that is gone, may keep the connection of a
# client that is dead open for ever. So a client sends an empty line every ten seconds. A signal is heard
# between two verbs.
watch_client() {
	last=
	silent=0
	while sleep 10 && kill -0 $$; do
		read -r beat <$scratch/beats
		if [ "$beat" = "$last" ] && [ "$beat" != busy ]; then silent=$((silent + 1)); else silent=0; fi
		last=$beat
		if [ $silent -eq 6 ]; then kill -TERM $$; fi
	done
}

finish() {
	kill "$watchdog" 2>/dev/null
	# The client is gone. What it had made ready and not swapped in is put away; the status tells
	# whether anything is left to be done.
	if [ -e $scratch/staging ]; then (discard "$(own_staging)"); fi
	[ ! -e $scratch/staging ] || exit 3
	exit 0
}

# Says what this image has and, where the client left its token in the exchange folder, makes the
# pipe there that proves to the client that both use one kernel. It is in the way of every command, so
# what it has to start runs side by side.
hello() {
	tar --version >$scratch/said.tar 2>/dev/null </dev/null &
	tar_pid=$!
	zstd --version >$scratch/said.zstd 2>/dev/null </dev/null &
	zstd_pid=$!
	# shellcheck disable=SC2086 # a list of options
	tar $faithful --sparse --create --file=/dev/null --files-from=/dev/null >$scratch/said.lacks 2>&1
	wait $tar_pid $zstd_pid
	for what in tar zstd lacks; do
		line=
		IFS= read -r line <$scratch/said.$what
		reply $what "$line"
	done
	for tool in awk cat chmod du find mkdir mkfifo perl rm rmdir sleep stat sync touch; do
		command -v $tool >/dev/null || reply missing_tool $tool
	done
	if [ -r $exchange/token ] && mkfifo -m 666 $exchange/data 2>/dev/null; then
		read -r token <$exchange/token
		read -r kernel </proc/sys/kernel/random/boot_id
		reply token "$token"
		reply kernel "$kernel"
	fi
}

# The operation of this helper, where it has begun.
own_staging() {
	if [ -e $scratch/staging ]; then
		read -r own <$scratch/staging
		echo "$own"
	fi
}

first_line() {
	printf '%s' "${1%%
*}"
}

# A client has its end of the pipe open before it asks for a verb. Opened for both at first, ours does not wait for
# that of one that has died since: reading then finds the end, and writing fails.
input_from() {
	[ "$1" = - ] || { exec 3<>"$1" && exec <"$1" && exec 3>&-; }
}

output_to() {
	[ "$1" = - ] || { exec 3<>"$1" && exec >"$1" && exec 3>&-; }
}

# archive SINK COMPRESSION [ID]: the whole volume as a tar stream, or what was extracted into a staging folder.
# COMPRESSION is a zstd level or "none".
archive() {
	output_to "$1"
	reply ready
	folder=$volume ours=
	if [ $# -eq 3 ]; then folder=$volume/.dockform-$3/new/contents; fi
	if [ -n "$(reserved_in "$folder")" ]; then
		if [ $# -eq 2 ]; then
			refuse_unfinished
			reply set_aside "$(first_line "$(folders_named "$aside_pattern")")"
		fi
		ours="--anchored --exclude=./$staging_pattern --exclude=./$trash_pattern --exclude=./$aside_pattern --exclude=./$kept_name"
	fi
	mounted=$(mounted_inside)
	if [ $# -eq 2 ]; then reply mounted "$mounted"; fi
	look_for_holes
	fail_unless_told
	# 3 is the listing, 4 the data, 5 what tar says.
	{
		{
			{
				# shellcheck disable=SC2086
				tar --create --file=- --directory="$folder" --format=posix $sparse $faithful \
					--pax-option=delete=atime,delete=ctime $records --totals --checkpoint=64 $ours \
					-vv --index-file=/dev/fd/3 . 3>&1 >&4 2>&5 5>&-
				echo $? >$scratch/tar
			} | count_entries >$scratch/counts 4>&- 5>&-
		} 5>&1 | perl -e '@tar-said.pl@' "$folder" 4>&-
	} 4>&1 | compress "$2" 4>&-
	reply zstd_status $?
	read -r tar_status <$scratch/tar
	if [ -n "$sparse" ]; then
		# What there is to know of an archive that failed is not waited for.
		if [ "$tar_status" -le 1 ]; then wait "$looker"; else kill "$looker" 2>/dev/null; fi
		reply looked_status $?
	fi
	reply tar_status "$tar_status"
	marked=0
	while read -r kind count; do
		reply "$kind" "$count"
		case $kind in attributes | acls) marked=$((marked + count)) ;; esac
	done <$scratch/counts
	if [ $# -eq 2 ] && [ $marked -gt 0 ]; then reply_attributes; fi
}

# attributes: those of the volume that not any helper can set.
attributes() {
	if has_getfattr || any_marked; then reply_attributes; fi
}

has_getfattr() {
	command -v getfattr >/dev/null
}

# Whether tar finds attributes or ACLs anywhere in the volume.
any_marked() {
	# shellcheck disable=SC2086
	tar --create --file=/dev/null --directory=$volume --format=posix $faithful -vv --index-file=/dev/fd/3 . 3>&1 2>/dev/null |
		awk '{ found += length($1) > 10 } END { exit !found }'
}

# How many entries have which attribute, beside those that any helper can set, or why that is not known. A listing of
# tar's does not name them, and attributes of trusted.* are nobody's to see but a privileged helper's.
reply_attributes() {
	if ! has_getfattr; then
		reply attributes_unknown "the helper has no getfattr"
		return
	fi
	find $volume "(" -path "$volume/$staging_pattern" -o -path "$volume/$trash_pattern" -o -path "$volume/$aside_pattern" \
		-o -path "$volume/$kept_name" ")" -prune -o \
		-exec getfattr --no-dereference --match=- --absolute-names {} + 2>$scratch/said |
		awk '
			/^(#|$)/ || /^(user\.|system\.posix_acl_|security\.(capability|selinux)$)/ { next }
			{ gsub(/[ \t]/, "_"); count[$0]++ }
			END {
				for (name in count) printf "%s attribute_%s %d\n", ENVIRON["DOCKFORM_MARK"], name, count[name]
			}' >&2
	# What is gone by now has none, nor has what lies on a file system that knows none. Of paths that are too long the
	# snapshot tells.
	why=$(awk '!/(Operation not supported|No such file or directory|File name too long)$/ { print; exit }' $scratch/said)
	[ -z "$why" ] || reply attributes_unknown "$why"
}

# Sets $sparse to the option by which tar looks for holes, or to nothing where it could take data for a hole, as
# holes.pl finds out. That has to be known first where a file system may leave out blocks; beside the archiving, as
# $looker, it is a check, and looks how much there is to archive.
look_for_holes() {
	sparse=--sparse
	type=$(stat -f -c %T "$folder")
	if ! counts_blocks; then
		case $(perl -e '@holes.pl@' "$folder" first "$type") in
		sparse) ;;
		failed) exit 1 ;;
		*) sparse= ;;
		esac
	fi
	[ -n "$sparse" ] || return 0
	$patient perl -e '@holes.pl@' "$folder" beside >/dev/null &
	looker=$!
}

# These count the blocks of data that is still in memory, too (test/e2e/capture/blocks.test.ts).
counts_blocks() {
	[ -z "$mounted" ] && case $type in ext2/ext3 | xfs | btrfs | tmpfs) ;; *) false ;; esac
}

# fingerprint SINK: what tells whether anything in the volume changed: a record for each entry, of two texts
# that end with a NUL (src/capture/fingerprint.ts reads them). Needs GNU find.
fingerprint() {
	output_to "$1"
	reply ready
	refuse_unfinished
	reply file_system "$(stat -f -c %T $volume)"
	reply boot "$(cat /proc/sys/kernel/random/boot_id)"
	touch $scratch/now
	reply time "$(stat -c %Z $scratch/now)"
	# A write through a memory map changes the time of a file only if the page was clean before.
	sync -f $volume
	find $volume -regextype posix-extended \
		-regex "$volume/\.dockform-(kept|((trash|aside)-)?[0-9a-f]{12})" -prune \
		-o -printf '%D %C@ %T@ %y %m %U %G %i %n %s %P\0%l\0'
	reply find_status $?
}

compress() {
	case $1 in
	none) cat ;;
	*) zstd --quiet --threads=0 "-$1" --stdout ;;
	esac
}

decompress() {
	case $1 in
	none) cat ;;
	# Whoever feeds it has looked at the window of each frame.
	*) zstd --quiet --decompress --stdout --long=31 ;;
	esac
}

# tar drops what does not fill a block at the end of a stream. With 511 zeros it looks at that, too.
fill_last_block() {
	zeros='\0'
	for _ in 1 2 3 4 5 6 7 8; do zeros=$zeros$zeros'\0'; done
	printf %b "$zeros"
}

# For awk: what tar says beside the entries. Two empty blocks or more end an archive, and nothing else follows
# them. An entry's own line begins with its mode, or with a name that has no bare asterisk.
find_end='
	/^block [0-9]+: \*\* (Block of NULs|End of File) \*\*$/ {
		block = $2 + 0
		if (empty && block != end + 1) after_end = 1
		if ($4 == "Block") { empty++; end = block } else blocks = block
		next
	}
	empty { after_end = 1 }
	{ sub(/^block [0-9]+: /, "") }
	function marked_end() { return empty > 1 && !after_end }'

# Reads tar's listing, a line an entry: mode, owner, size, date, time, name. The mode's first letter is
# the type: - file, d folder, h another name of a file or of a symbolic link listed before. After the mode comes
# + where there is an ACL, or * where there are attributes. A path of over 4,095 bytes can be stored, but no tar
# can extract it. Of the owners the first 32 are told, and those with the largest numbers.
#
# tar hands over each line by itself. A reader at the lowest priority takes many at once where the
# processor has better things to do, which costs half as much.
count_entries() {
	$patient awk "$find_end"'
		function name() { return substr($0, index($0, $5) + length($5) + 1) }
		{ entries++; type = substr($0, 1, 1) }
		entries % 1000 == 0 {
			# In one piece, since tar writes there, too.
			printf "%s", ENVIRON["DOCKFORM_MARK"] " passed " entries "\n" >"/dev/stderr"
			fflush("/dev/stderr")
		}
		type ~ /[-h]/ { files++ }
		{ types[type]++; marks[substr($1, 11, 1)]++ }
		!($2 in owners) {
			owners[$2]
			if (++owner_count <= 32) owner_list = owner_list "," $2
			split($2, id, "/")
			if (id[1] + 0 > largest_user) { largest_user = id[1] + 0; owned_by = $2 }
			if (id[2] + 0 > largest_group) { largest_group = id[2] + 0; owned_with = $2 }
		}
		length($0) > 4095 && type ~ /[-dpcb]/ {
			path = name()
			gsub(/\\[0-7][0-7][0-7]/, "?", path)
			too_long += length(path) > 4095
		}
		END {
			print "files", files + 0
			print "entries", entries + 0
			print "too_long", too_long + 0
			print "symlinks", types["l"] + 0
			print "hard_links", types["h"] + 0
			print "devices", types["b"] + types["c"] + 0
			print "fifos", types["p"] + 0
			print "attributes", marks["*"] + 0
			print "acls", marks["+"] + 0
			print "owners", substr(owner_list "," owned_by "," owned_with, 2)
			print "marked_end", marked_end()
			print "after_end", after_end + 0
			printf "blocks %.0f\n", blocks
		}'
}

# scan SOURCE COMPRESSION RECORDS: reads an archive to its end and says what is in it. tar takes a stream that
# stops between two entries for whole; with block numbers it says where it found what.
scan() {
	input_from "$1"
	reply ready
	fail_unless_told
	{
		decompress "$2"
		echo $? >$scratch/zstd
		fill_last_block 2>/dev/null
	} | {
		limited_tar "$3" --list --file=- --totals --block-number -vv --index-file=/dev/fd/3 3>&1 >&2
		echo $? >$scratch/tar
	} | count_entries >$scratch/counts
	reply_statuses
	while read -r kind count; do reply "$kind" "$count"; done <$scratch/counts
}

# limited_tar RECORDS ARG...: a tar that is ended when it has read that many records. This is the
# guard against a small archive that becomes an endless stream. It reads on after the empty blocks that end an
# archive: something may follow, and what writes into the pipe must not find it closed.
limited_tar() {
	most=$1
	shift
	tar "$@" $records --read-full-records --ignore-zeros --checkpoint="$most" \
		--checkpoint-action="exec=: >$scratch/over_limit; kill \$PPID"
}

# What dies before it can write its status down has not succeeded; 1 of tar would say that files changed.
fail_unless_told() {
	echo 2 >$scratch/zstd
	echo 2 >$scratch/tar
}

reply_statuses() {
	read -r zstd_status <$scratch/zstd
	read -r tar_status <$scratch/tar
	reply zstd_status "$zstd_status"
	reply tar_status "$tar_status"
	if [ -e $scratch/over_limit ]; then reply over_limit 1 && rm $scratch/over_limit; fi
}

# inspect: what an operation has to know about the volume before it touches anything. An empty lost+found
# belongs to the file system.
inspect() {
	# shellcheck disable=SC2086
	reply first_entry "$(first_line "$(find $volume -mindepth 1 -maxdepth 1 ! $reserved ! -name lost+found -print -quit
		if [ -d $volume/lost+found ]; then find $volume/lost+found -mindepth 1 -print -quit 2>/dev/null; fi)")"
	reply space "$(stat -f -c '%a %S %d %c %b' $volume)"
	if has_attributes $volume; then
		for tool in setfacl getfattr setfattr; do
			command -v $tool >/dev/null || reply missing_tool $tool
		done
	fi
	reply mounted "$(mounted_inside)"
	reply_unfinished
	if [ -d "$volume/$kept_name" ]; then reply_kept; fi
	for folder in $(folders_named "$aside_pattern"); do reply "aside_${folder##*-}" "$(first_aside "$folder")"; done
}

# lies_on: the file system under the volume: its type as statfs(2) has it, and its device number.
lies_on() {
	reply file_system_type "$(stat -f -c %t $volume)"
	reply device "$(stat -c %d $volume)"
}

reply_kept() {
	reply kept "$(cat $volume/$kept_name/about 2>/dev/null)"
}

# The first mount point of another file system inside the volume.
mounted_inside() {
	awk -v top=$volume/ 'index($5, top) == 1 { print substr($5, length(top) + 1); exit }' /proc/self/mountinfo
}

# folders_named PATTERN: at the top of the volume. No name that is ours has a blank in it.
folders_named() {
	find $volume -mindepth 1 -maxdepth 1 -type d -name "$1" -print
}

# The operations that were cut short, each with the sides that are in its staging folder; our own is none.
reply_unfinished() {
	own=$(own_staging)
	for folder in $(folders_named "$staging_pattern"); do
		if [ "${folder##*-}" = "$own" ]; then continue; fi
		sides=
		for side in new.partial new kept old.partial old back returned safety; do
			if [ -e "$folder/$side" ]; then sides="$sides $side"; fi
		done
		reply "unfinished_${folder##*-}" "$sides"
	done
}

# What stands between old and new is in nobody's snapshot.
refuse_unfinished() {
	[ -n "$(reply_unfinished 2>&1)" ] || return 0
	reply_unfinished
	exit 1
}

# In tar's listing the mode is followed by + for an ACL and by * for attributes. A file system that knows no
# attributes has none.
has_attributes() {
	# shellcheck disable=SC2086
	tar --create --file=/dev/null --directory="$1" --format=posix $faithful --no-recursion \
		-vv --index-file=/dev/fd/3 . 3>&1 2>$scratch/said | awk '{ found += length($1) > 10 } END { exit !found }'
	found=$?
	awk '!/Cannot .*: Operation not supported$/' $scratch/said >&2
	return $found
}

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

# begin ID: makes the staging folder, without a trace in the root folder's time, and without the root folder's setgid
# bit, which what is extracted into it would have as well.
begin() {
	staging=$volume/.dockform-$1
	touch -r $volume $scratch/root-time
	mkdir -m 700 "$staging" && chmod g-s "$staging" && touch -r $scratch/root-time $volume && echo "$1" >$scratch/staging
}

# probe ID HOW [PATH...]: whether what is in the volume, or these paths of it, words with octal escapes, can be renamed into
# a folder of ours in it. HOW is in_place where what cannot be is to be removed, or else beside.
probe() {
	resume "$1" || begin "$1" || exit 1
	touch -r $volume $scratch/root-time
	how=$2
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
	staging=$volume/.dockform-$1
	[ -d "$staging" ] && echo "$1" >$scratch/staging
}

# try_samples ID OWNER...: what the file system under the volume can hold. Little entries of our own, some with these owners
# (UID:GID), are extracted as an archive's are, and told as they are read back: mode with marks, owner, date, time.
# What tar says of them is for the client, too.
try_samples() {
	resume "$1" || begin "$1" || exit 1
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

# extract ID SOURCE COMPRESSION RECORDS [no_acls] [no_set_id]: unpacks an archive beside the volume's present contents.
# Where there can be no ACLs tar must not try to set any: it would for each entry, as its mode says.
extract() {
	input_from "$2"
	# What is to be removed first may take longer than the client waits for this.
	reply ready
	resume "$1" || begin "$1" || exit 1
	rm -f "$staging/accepted" || exit 1
	# One that its client did not like, or that was cut short.
	if [ -e "$staging/new" ]; then rm -rf "$staging/new.partial" && move "$staging/new" "$staging/new.partial"; fi
	if [ -e "$staging/new.partial" ]; then rm -rf "$staging/new.partial" || exit 1; fi
	mkdir -m 700 "$staging/new.partial" "$staging/new.partial/contents" || exit 1
	contents=$staging/new.partial/contents
	no_acls=''
	no_set_id=''
	case " $* " in *' no_acls '*) no_acls=--no-acls ;; esac
	case " $* " in *' no_set_id '*) no_set_id=no_set_id ;; esac
	flush_now_and_then "$contents" &
	flusher=$!
	fail_unless_told
	{
		decompress "$3"
		echo $? >$scratch/zstd
		fill_last_block 2>/dev/null
	} | {
		# shellcheck disable=SC2086
		limited_tar "$4" --extract --file=- --directory="$contents" $faithful $no_acls --same-owner \
			--preserve-permissions --delay-directory-restore --totals \
			--warning=no-timestamp --warning=no-unknown-keyword \
			--verbose --block-number --quote-chars='*' --index-file=/dev/fd/3 3>&1 >&2
		echo $? >$scratch/tar
	} | count_extracted >$scratch/counts
	kill $flusher
	reply_statuses
	read -r entries root marked_end after_end blocks <$scratch/counts
	reply entries "$entries"
	reply roots "$root"
	reply marked_end "$marked_end"
	reply after_end "$after_end"
	reply blocks "$blocks"
	# What is not whole never becomes new, whoever is left to judge it. What tar could not do with an entry its
	# client may do without.
	if [ "$zstd_status $tar_status $marked_end" = '0 0 1' ]; then finish_extract "$1" $no_set_id; fi
}

# finish_extract ID [no_set_id]: what was extracted is all of what is wanted, and becomes new. A file whose owner could
# not be set is ours, and must not run as us.
finish_extract() {
	resume "$1" || exit 1
	contents=$staging/new.partial/contents
	remove_reserved "$contents" || exit 1
	if [ $# -eq 2 ]; then find "$contents" -type f -perm /6000 -exec chmod ug-s {} + || exit 1; fi
	mkdir "$staging/new.partial/root" || exit 1
	read -r entries root marked_end after_end blocks <$scratch/counts
	# An archive that has no metadata for the root leaves it as it is.
	if [ "$root" -gt 0 ]; then root=$contents; else root=$volume; fi
	copy_metadata "$root" "$staging/new.partial/root" || exit 1
	names "$contents" >"$staging/new.partial/names" || exit 1
	# The new contents must be on the disk before the old ones are given up.
	sync -f "$staging" && move "$staging/new.partial" "$staging/new" || exit 1
}

# accept ID [returned]: the client has found good what was extracted, which may be the old contents again.
accept() {
	resume "$1" || exit 1
	if [ $# -eq 2 ]; then mkdir -p "$staging/returned" || exit 1; fi
	: >"$staging/accepted"
}

# At the lowest priority, like count_entries.
count_extracted() {
	$patient awk "$find_end"'
		{ entries++ }
		# However it is spelled: `.`, `./`, `/`, or no name at all.
		/^\.?(\/+\.?)*$/ { root++ }
		entries % 1000 == 0 {
			printf "%s", ENVIRON["DOCKFORM_MARK"] " passed " entries "\n" >"/dev/stderr"
			fflush("/dev/stderr")
		}
		END { printf "%d %d %d %d %.0f\n", entries, root, marked_end(), after_end, blocks }'
}

# An archive's own entry of a name that is ours would be taken for what it is not.
remove_reserved() {
	reserved_entries=$(reserved_in "$1") || return 1
	for entry in $reserved_entries; do
		reply left_out "${entry##*/}"
		rm -rf "$entry" || return 1
	done
}

reserved_in() {
	# shellcheck disable=SC2086
	find "$1" -mindepth 1 -maxdepth 1 $reserved -print
}

# Writes to the disk while the processor unpacks, so that little is left to be flushed at the end.
flush_now_and_then() {
	while sleep 1; do sync -f "$1"; done
}

# look_at PATH...: how each of some paths in the volume, words with octal escapes, stands: "there", "free", or
# "through" a symbolic link, which would lead elsewhere.
look_at() {
	for word; do
		path=$(unescaped "$word")
		path=${path%.}
		if leads_elsewhere $volume "$path"; then
			reply "path_$word" through
		elif is_there "$volume/$path"; then
			reply "path_$word" there
		else
			reply "path_$word" free
		fi
	done
}

# With a dot at the end, since a shell takes newlines off.
unescaped() {
	printf '%b.' "$1"
}

is_there() {
	[ -e "$1" ] || [ -L "$1" ]
}

# leads_elsewhere FOLDER PATH: whether a part of the path before its last is there and no folder.
leads_elsewhere() {
	passed=$1
	rest=$2
	while [ "$rest" != "${rest#*/}" ]; do
		passed=$passed/${rest%%/*}
		rest=${rest#*/}
		if [ -L "$passed" ] || { [ -e "$passed" ] && [ ! -d "$passed" ]; }; then return 0; fi
	done
	return 1
}

# limit_to ID PATH...: of what was extracted, only these paths are to change places with those in the volume. A
# folder on the way to one that the volume does not have comes with it. To be said when nobody else writes.
limit_to() {
	resume "$1" || exit 1
	shift
	for word; do
		path=$(unescaped "$word")
		path=${path%.}
		if leads_elsewhere "$staging/new/contents" "$path" || leads_elsewhere $volume "$path" ||
			! is_there "$staging/new/contents/$path"; then
			exit 1
		fi
		while [ "$path" != "${path%/*}" ] && ! is_there "$volume/${path%/*}"; do
			path=${path%/*}
			word=${word%\\0057*}
		done
		printf '%s\n' "$word" || exit 1
	done >"$staging/paths.partial" && sync "$staging/paths.partial" &&
		renaming over "$staging/paths.partial" "$staging/paths"
}

# each_path COMMAND: for each path that changes places, with $path, $parent and the number $n.
each_path() {
	n=0
	while IFS= read -r word; do
		n=$((n + 1))
		path=$(unescaped "$word")
		path=${path%.}
		parent=.
		if [ "$path" != "${path%/*}" ]; then parent=${path%/*}; fi
		"$1" || return
	done <"$staging/paths"
}

# The times of the folders in which something changes places, before anything has.
remember_time() {
	[ -e "$out/time.$n" ] || [ ! -d "$volume/$parent" ] || touch -r "$volume/$parent" "$out/time.$n"
}

# give_times_back FOLDER: those that were remembered in it.
give_times_back() {
	times=$1
	each_path give_time_back
}

give_time_back() {
	[ ! -e "$times/time.$n" ] || touch -r "$times/time.$n" "$volume/$parent"
}

take_out_path() {
	is_there "$volume/$path" || return 0
	mkdir -p "$out/contents/$parent" && renaming one "$volume/$path" "$out/contents/$path"
}

put_in_path() {
	is_there "$in/contents/$path" || return 0
	renaming place "$in/contents/$path" "$volume/$path" "$(aside)"
}

# What was moved in goes out again; what somebody else has put there meanwhile is put aside.
take_in_back_path() {
	is_there "$volume/$path" || return 0
	if is_there "$in/contents/$path"; then
		renaming aside "$volume/$path" "$(aside)"
	else
		mkdir -p "$in/contents/$parent" && renaming one "$volume/$path" "$in/contents/$path"
	fi
}

return_path() {
	is_there "$out/contents/$path" || return 0
	renaming place "$out/contents/$path" "$volume/$path" "$(aside)"
}

# take_kept ID: makes ready what .dockform-kept holds. What others have written is flushed now, and not while
# containers are down for the swap.
take_kept() {
	begin "$1" && move "$volume/$kept_name" "$staging/kept" && touch -r $scratch/root-time $volume &&
		names "$staging/kept/contents" >"$staging/kept/names" && flush
}

# swap ID [ABOUT]: puts what was made ready in place of the present contents, by renames alone. With ABOUT,
# a word, the present contents are to be kept, and it is kept with them.
swap() {
	resume "$1" || exit 1
	if write_about about "${2-}" && take_out; then
		finish_swap && exit
		# Nothing of the old is lost yet: what came in goes out again.
		take_in_back && move "$staging/old" "$staging/old.partial" || exit 1
	fi
	undo_swap
}

# keep ID ABOUT: after a swap, what was replaced is to be kept, which was not asked for before.
keep() {
	resume "$1" || exit 1
	for other in "$staging/paths" "$staging/back" "$staging/returned" "$volume/$kept_name"; do
		if [ -e "$other" ]; then exit 1; fi
	done
	echo "$2" >"$staging/old/about" && sync "$staging/old/about" && write_about about "$2"
}

# clear ID SAFETY: removes the present contents before there is anything to replace them, for want of room.
# SAFETY, a word, says where a copy of them is, and is kept until other contents are in place. A second time it
# removes those. May be called again where it was cut short; but when somebody else has ended the operation, its
# folder is gone, and what is in the volume is none of ours.
clear() {
	resume "$1" || exit 1
	if [ ! -e "$staging/safety" ]; then
		rm -rf "$staging/old" "$staging/accepted" && echo "$2" >"$staging/safety.partial" &&
			flush && move "$staging/safety.partial" "$staging/safety" || exit 1
	fi
	[ -e "$staging/old" ] || take_out "$staging/left" || exit 1
	if [ -e "$staging/old/contents" ]; then
		slot=1
		while [ -e "$staging/gone/$slot" ]; do slot=$((slot + 1)); done
		mkdir -p "$staging/gone" && move "$staging/old/contents" "$staging/gone/$slot" || exit 1
	fi
	# What cannot be removed is in nobody's way but that of room.
	rm -rf "$staging/gone"
	remove_left && rm -f "$staging/safety.done" && reply cleared
}

# What is on another disk of a union of disks, for example, can be copied and removed, and cannot be renamed. What was
# written since it was listed stays, and so does what cannot be removed: both are said, and a failure.
remove_left() {
	[ ! -e "$staging/left" ] || renaming remove "$staging/left" $volume && rm -f "$staging/left" "$staging/left.links" "$staging/left.clock"
}

# swap_back ID [ABOUT]: after a swap, puts the old contents in place again, and the new ones in theirs. May
# be called again where it was cut short. Not where the old ones are only in their copy.
swap_back() {
	resume "$1" && [ ! -e "$staging/safety.done" ] && write_about about.back "${2-}" || exit 1
	if [ ! -e "$staging/back" ] && [ ! -e "$staging/returned" ]; then
		move "$staging/old" "$staging/back" || exit 1
	fi
	go_back
}

go_back() {
	if [ -e "$staging/back" ] && [ ! -e "$staging/old" ]; then
		take_out
		case $? in
		0) ;;
		2) go_forth && exit || exit 1 ;;
		*) exit 1 ;;
		esac
	fi
	finish_swap
}

# What is in place and cannot be renamed can only stay: a container may have written on another disk of a union of disks.
# The old contents are as after the swap then, for the client to keep.
go_forth() {
	return_out && move "$staging/back" "$staging/old" && flush && reply stays && reply swapped
}

# write_about NAME [ABOUT]: some paths are no contents that could be kept.
write_about() {
	if [ -n "$2" ] && [ ! -e "$staging/paths" ]; then
		echo "$2" >"$staging/$1" && sync "$staging/$1"
	else
		rm -f "$staging/$1"
	fi
}

# What is said of the contents that were replaced.
about_file() {
	if [ -e "$staging/back" ] || [ -e "$staging/returned" ]; then
		echo "$staging/about.back"
	else
		echo "$staging/about"
	fi
}

# recover ID: brings a swap that was cut short to its end, the one or the other.
recover() {
	if ! resume "$1"; then
		reply swapped_back
	elif [ -e "$staging/safety.done" ] && { [ ! -e "$staging/old" ] || [ -e "$staging/old/contents" ]; }; then
		stay
	elif [ -e "$staging/safety" ] && [ -e "$staging/old" ]; then
		rm -rf "$staging/gone"
		if [ -e "$staging/old/contents" ]; then
			move "$staging/old" "$staging/old.partial" && undo_swap
		else
			# What stays is put aside when other contents come in.
			remove_left
			if [ -e "$staging/new" ] && [ -e "$staging/accepted" ]; then
				finish_swap
			else
				reply needs_safety "$(cat "$staging/safety")"
			fi
		fi
	elif [ -e "$staging/back" ]; then
		go_back
	elif [ -e "$staging/old" ] || is_concluded; then
		finish_swap
	else
		undo_swap
	fi
}

# Contents that had taken the place of those in the safety copy, and were about to go as well, stay.
stay() {
	if [ -e "$staging/old" ]; then move "$staging/old" "$staging/old.partial" || exit 1; fi
	return_out && rm -f "$staging/left" "$staging/safety" && mkdir -p "$staging/old" && flush &&
		reply safety "$(cat "$staging/safety.done")" && reply swapped
}

# Whether the old contents are kept already, and only the folder is left.
is_concluded() {
	[ -e "$(about_file)" ] && [ ! -e "$staging/old" ] && [ ! -e "$staging/old.partial" ] &&
		[ -z "$(incoming)" ]
}

# The side that is to be put in place; none is left when it is.
incoming() {
	for side in back kept new; do
		if [ -e "$staging/$side" ]; then
			echo "$staging/$side"
			return
		fi
	done
}

# take_out [LEFT]: what cannot be renamed is a failure, of status 2, or with LEFT stays, and is listed there.
take_out() {
	in=$(incoming)
	out=$staging/old.partial
	spare_lost_found
	if [ ! -e "$out" ] && [ "${in##*/}" = back ] && [ -e "$staging/emptied" ]; then
		rm -f "$staging/emptied/present" && move "$staging/emptied" "$out" || return 1
	fi
	[ -e "$out" ] || mkdir -m 700 "$out" || return 1
	mkdir -p "$out/contents" || return 1
	# While there is nothing to lose yet by a disk that is full.
	about=$(about_file)
	if [ -e "$about" ]; then cat "$about" >"$out/about" && sync "$out/about" || return 1; fi
	if [ -e "$staging/paths" ]; then
		each_path remember_time && each_path take_out_path && move "$out" "$staging/old"
		return
	fi
	list_present || return 1
	if [ ! -e "$out/root" ]; then
		if [ -e "$out/root.partial" ]; then rm -rf "$out/root.partial" || return 1; fi
		mkdir "$out/root.partial" && copy_metadata $volume "$out/root.partial" &&
			move "$out/root.partial" "$out/root" || return 1
	fi
	strip_attributes $volume || return 1
	if [ $# -eq 0 ]; then
		renaming out "$out" $volume "$(aside)" "$spared" || return
	else
		rm -f "$1" "$1.partial" && renaming out "$out" $volume "$(aside)" "$spared" "$1.partial" || return 1
		if [ -e "$1.partial" ]; then renaming fixed "$1.partial" $volume && flush && move "$1.partial" "$1" || return 1; fi
	fi
	move "$out" "$staging/old"
}

# What is in the volume before any of it moves: what comes later is none of the old contents. After a death the list
# is that of the helper that died.
list_present() {
	[ ! -e "$out/present" ] || return 0
	names $volume >"$out/present.partial" || return 1
	# See flush: on the way to what was made ready nothing has moved yet.
	case ${in##*/} in
	new | kept) sync "$out/present.partial" || return 1 ;;
	*) flush || return 1 ;;
	esac
	move "$out/present.partial" "$out/present"
}

finish_swap() {
	in=$(incoming)
	if [ -n "$in" ]; then
		if [ -e "$staging/paths" ]; then
			each_path put_in_path && give_times_back "$in" || return 1
		else
			put_in_whole || return 1
		fi
		# Before the folder goes: without it and with this, the copy would be asked for again.
		if [ -e "$staging/safety" ]; then renaming over "$staging/safety" "$staging/safety.done" || return 1; fi
		leave_emptied || return 1
	fi
	flush || return 1
	if [ -e "$staging/returned" ]; then reply returned; fi
	if [ -e "$staging/safety.done" ]; then reply safety "$(cat "$staging/safety.done")"; fi
	reply swapped
}

put_in_whole() {
	if [ -e "$in/contents" ]; then
		strip_attributes $volume && list_names && spare_lost_found &&
			renaming in "$in" $volume "$(aside)" "$spared" || return 1
	fi
	if [ -e "$in/root" ]; then
		copy_metadata "$in/root" $volume && rmdir "$in/root" || return 1
	fi
}

# A side whose contents are in place is none any more.
leave_emptied() {
	if [ "${in##*/}" = back ]; then
		move "$in" "$staging/returned"
	else
		if [ -e "$staging/emptied" ]; then rm -rf "$staging/emptied" || return 1; fi
		move "$in" "$staging/emptied"
	fi
}

# What a file says must not be on the disk before the renames that it follows: on Btrfs a file that is flushed alone takes
# a later rename along, and leaves earlier ones behind. So once something was moved all of it is flushed.
#
# What is in place must be so for good before containers get their restart policies again, by which an engine
# starts them after a loss of power, and before what it replaced goes.
flush() {
	sync -f $volume
}

# What was moved in goes out again, beside what was not; what somebody else has put there meanwhile is put aside.
take_in_back() {
	in=$(incoming)
	# With nothing left to come in, all that failed was to flush it.
	[ -n "$in" ] || return 1
	if [ -e "$staging/paths" ]; then
		each_path take_in_back_path
		return
	fi
	spare_lost_found
	mkdir -p "$in/contents" && renaming back "$in" $volume "$(aside)" "$spared"
}

undo_swap() {
	return_out || exit 1
	rm -f "$staging/about" "$staging/left" "$staging/safety" && flush && reply swapped_back
}

# Puts what was taken out where it was.
return_out() {
	out=$staging/old.partial
	[ -e "$out" ] || return 0
	rm -rf "$staging/undone" || return 1
	if [ -e "$staging/paths" ]; then
		each_path return_path && give_times_back "$out" || return 1
	else
		mkdir -p "$out/contents" && renaming return "$out/contents" $volume "$(aside)" || return 1
		if [ -e "$out/root" ]; then
			strip_attributes $volume && copy_metadata "$out/root" $volume || return 1
		fi
		rmdir "$out/contents" || return 1
	fi
	move "$out" "$staging/undone"
}

# discard ID: takes away what was made ready and not put in place; never anything that was in the volume.
discard() {
	resume "$1" || return 0
	for state in old old.partial back safety safety.done; do
		if [ -e "$staging/$state" ]; then return 1; fi
	done
	touch -r $volume $scratch/root-time
	if [ -e "$staging/kept" ]; then
		rm -f "$staging/kept/names" && move "$staging/kept" "$volume/$kept_name" || return 1
	fi
	throw_away
}

# conclude ID: after a swap, keeps the old contents where that was asked for, else removes them.
conclude() {
	resume "$1" || return 0
	if [ -n "$(incoming)" ] || [ -e "$staging/safety" ]; then return 1; fi
	if [ ! -e "$staging/old" ] && ! is_concluded; then return 1; fi
	touch -r $volume $scratch/root-time
	about=$(about_file)
	if [ -e "$about" ]; then
		if [ -e "$staging/old" ]; then
			if [ -e "$volume/$kept_name" ]; then move "$volume/$kept_name" "$staging/replaced" || return 1; fi
			rm -f "$staging/old/present" && move "$staging/old" "$volume/$kept_name" || return 1
		fi
		measure_kept
	fi
	throw_away
}

# measure_kept: what .dockform-kept holds, and how much of the disk that takes.
measure_kept() {
	[ -d "$volume/$kept_name" ] || return 0
	reply_kept
	reply kept_kilobytes "$(du -sk $volume/$kept_name | awk '{ print $1 }')"
}

# forget_kept ID: removes what .dockform-kept holds.
forget_kept() {
	begin "$1" && move "$volume/$kept_name" "$staging/replaced" && throw_away
}

# The folder is out of everybody's way after one rename; what cannot be removed then does no harm. The
# root folder's time must be in $scratch/root-time.
throw_away() {
	if [ -d "$(aside)" ]; then reply aside "$(first_aside "$(aside)")"; fi
	trash=$volume/.dockform-trash-${staging##*-}
	move "$staging" "$trash" && rm -f $scratch/staging || return 1
	reply put_away
	remove_trash "$trash"
	removed=$?
	touch -r $scratch/root-time $volume
	return $removed
}

# The root of a Btrfs subvolume has inode 256. In one that is read-only nothing can be removed.
remove_trash() {
	rm -rf "$1" && return
	reply "left_${1##*-}"
	if [ "$(stat -f -c %t $volume)" = 9123683e ]; then
		find "$1" -type d -inum 256 -print | {
			subvolumes=0
			while IFS= read -r subvolume; do
				subvolumes=$((subvolumes + 1))
				reply "subvolume_$subvolumes" "${subvolume#"$volume"/}"
			done
		}
	fi
	return 1
}

# empty_trash: what earlier operations could not remove, which may be in vain again.
empty_trash() {
	touch -r $volume $scratch/root-time
	left=0
	for trash in $(folders_named "$trash_pattern"); do
		remove_trash "$trash" || left=1
	done
	touch -r $scratch/root-time $volume
	return $left
}

# A lost+found that is the file system's own (inode 11 of ext2 to ext4) stays where it is, unless there is
# something in it, or is to be.
spare_lost_found() {
	spared=
	lost=$volume/lost+found
	if [ "$(stat -c '%i %F' $lost 2>/dev/null)" != '11 directory' ] || holds_something $lost; then return; fi
	other=$(incoming)/contents/lost+found
	if [ -e "$other" ] && ! rmdir "$other" 2>/dev/null; then return; fi
	spared="lost+found"
}

# What cannot be read may hold something.
holds_something() {
	found=$(find "$1" -mindepth 1 -print -quit) || return 0
	[ -n "$found" ]
}

# Every rename of something that is in the volume, or comes into it, is one of rename.pl's.
renaming() {
	perl -e "$rename_program" "$@"
}

# move FROM TO: a name of ours to one that is free. Only we write there, so it is free until then; and there are several
# in a swap, which this takes a third of the time of the whole program for.
move() {
	perl -e '
		lstat $ARGV[1] ? $! = 17 : rename($ARGV[0], $ARGV[1]) && exit;
		print STDERR "cannot move $ARGV[0] to $ARGV[1]: $!\n";
		exit 1' "$1" "$2"
}

# Where this operation puts aside what somebody else wrote meanwhile.
aside() {
	echo "$volume/.dockform-aside-${staging##*-}"
}

# first_aside FOLDER: by its path in the volume.
first_aside() {
	path=$(first_line "$(find "$1" -mindepth 2 -maxdepth 2 -print -quit)")
	echo "${path#"$volume"/}"
}

# The names of what is to come in, before any of it has: what is in the volume then, and has one of them, and does
# not wait any more, has come in. An application that was started on an empty volume may have made itself at home.
list_names() {
	# The others have theirs since before the swap.
	[ -e "$in/names" ] || {
		names "$in/contents" >"$in/names.partial" && flush && move "$in/names.partial" "$in/names"
	}
}

# names FOLDER: of its entries.
names() {
	(cd "$1" && find . -mindepth 1 -maxdepth 1)
}

# What was stripped a moment ago is.
stripped=

# copy_metadata FROM TO: owner, mode, times, attributes and ACLs of one folder, as far as the file system, and what
# this helper may do, let them be set: what cannot be set here could not be changed on TO before either. tar only
# adds attributes, so TO must have none that are not in the source.
copy_metadata() {
	stripped=
	# shellcheck disable=SC2086
	said=$({ tar --create --file=- --directory="$1" --format=posix $faithful --no-recursion . |
		tar --extract --file=- --directory="$2" $faithful --same-owner --preserve-permissions; } 2>&1)
	copied=$?
	[ -n "$said" ] || return $copied
	# What tar cannot read or set may be a warning to it. An ACL's text that it cannot use comes with a raw copy.
	printf '%s\n' "$said" | awk -v copied=$copied '
		/Cannot acl_from_text|Exiting with failure status due to previous errors/ { next }
		/(Operation not (permitted|supported)|Permission denied|Invalid argument)$/ &&
			/Cannot (.*listxattr|set .* extended attribute|(set|drop default) POSIX ACLs|change ownership|change mode|utime)/ { next }
		/Cannot/ || copied { lost = 1 }
		{ print }
		END { exit lost }' >&2
}

strip_attributes() {
	if [ "$stripped" = "$1" ]; then return 0; fi
	if has_attributes "$1"; then take_attributes_off "$1" || return 1; fi
	stripped=$1
}

# What this helper may not take off it may not put on either: that stays.
take_attributes_off() {
	said=$(setfacl --remove-all --remove-default "$1" 2>&1)
	case $?,$said in
	0,* | *': Operation not supported') ;;
	*)
		printf '%s\n' "$said" >&2
		return 1
		;;
	esac
	getfattr --match='^(user|trusted|security)\.' --absolute-names "$1" |
		while IFS= read -r name; do
			case $name in
			'' | '#'* | security.selinux) ;;
			user.* | security.capability) setfattr --remove="$name" "$1" || exit 1 ;;
			*) setfattr --remove="$name" "$1" 2>/dev/null || : ;;
			esac
		done
}

case $1 in
serve) serve ;;
*) run "$@" ;;
esac
