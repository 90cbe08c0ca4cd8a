#!/bin/sh
# Runs inside the helper container. It sees the volume at /volume and, where the client shares this
# kernel, a folder of the client's at /exchange; nothing else, and no network.
#
#   serve          PID 1: reads a verb a line until the client's connection closes. A verb that has
#                  begun is finished first, so a client that dies cannot cut a swap in two.
#   VERB ARG...    one verb, as an exec; there the data stream is the exec's stdin or stdout.
#
# Replies are lines on stderr that begin with $DOCKFORM_MARK, which nobody else knows; every other
# line there is a message of tar, zstd or mv.
#
# POSIX sh: it runs under dash, bash and BusyBox ash.
set -uf
export LC_ALL=C
# Without it the C library looks for the local time zone once for each entry that tar lists.
export TZ=UTC0
# What the image says of tar and zstd could leave out files without a word.
unset TAR_OPTIONS TAPE TAR_RSH RSH POSIXLY_CORRECT ZSTD_CLEVEL ZSTD_NBTHREADS

volume=/volume
exchange=/exchange
scratch=/scratch

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
	while IFS= read -r line; do
		# shellcheck disable=SC2086 # a verb and its arguments are single words
		run $line </dev/null
	done >/dev/null
	# The client is gone. What it had extracted and not swapped in would lie there for ever.
	if [ -e $scratch/staged ]; then discard "$(cat $scratch/staged)"; fi
}

# Says what this image has and, where the client left its token in the exchange folder, makes the
# pipe there that proves to the client that both use one kernel.
hello() {
	reply tar "$(tar --version 2>/dev/null | head -n 1)"
	reply zstd "$(zstd --version 2>/dev/null | head -n 1)"
	# shellcheck disable=SC2086 # a list of options
	reply lacks "$(tar $faithful --sparse --create --file=/dev/null --files-from=/dev/null 2>&1 |
		head -n 1)"
	for tool in awk cat find head mkdir mkfifo mv rm sleep stat sync touch; do
		command -v $tool >/dev/null || reply missing_tool $tool
	done
	if [ -r $exchange/token ] && mkfifo -m 666 $exchange/data 2>/dev/null; then
		reply token "$(cat $exchange/token)"
		reply kernel "$(cat /proc/sys/kernel/random/boot_id)"
	fi
}

# archive SINK COMPRESSION: the whole volume as a tar stream. COMPRESSION is a zstd level or "none".
archive() {
	[ "$1" = - ] || exec >"$1"
	reply leftover "$(find $volume -mindepth 1 -maxdepth 1 -type d -name '.dockform-????????????' \
		-print | head -n 1)"
	{
		{
			# shellcheck disable=SC2086
			tar --create --file=- --directory=$volume --format=posix --sparse $faithful \
				--pax-option=delete=atime,delete=ctime --totals \
				-vv --index-file=/dev/fd/3 . 3>&1 >&4
			echo $? >$scratch/tar
		} | count_entries >$scratch/counts 4>&-
	} 4>&1 | compress "$2" 4>&-
	reply zstd_status $?
	reply tar_status "$(cat $scratch/tar)"
	while read -r kind count; do reply "$kind" "$count"; done <$scratch/counts
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
	*) zstd --quiet --decompress --stdout ;;
	esac
}

# Reads tar's listing, a line an entry: mode, owner, size, date, time, name. The mode's first letter is
# the type: - file, d folder, h another name of an entry listed before, which counts as a file unless it
# is one of the others (symbolic link, pipe, device). A path of over 4,095 bytes can be stored, but no
# tar can extract it.
count_entries() {
	awk '
		function name() { return substr($0, index($0, $5) + length($5) + 1) }
		{ sub(/^block [0-9]+: /, "") }
		/^\*\*/ { if ($2 == "Block") marked_end = 1; next }
		{ entries++; type = substr($0, 1, 1) }
		type == "-" { files++ }
		type == "h" { target = name(); sub(/.* link to /, "", target); files += !(target in others) }
		type == "l" { link = name(); sub(/ -> .*/, "", link); others[link] }
		type ~ /[pcb]/ { others[name()] }
		length($0) > 4095 && type ~ /[-dpcb]/ {
			path = name()
			gsub(/\\[0-7][0-7][0-7]/, "?", path)
			too_long += length(path) > 4095
		}
		END {
			print "files", files + 0
			print "entries", entries + 0
			print "too_long", too_long + 0
			print "marked_end", marked_end + 0
		}'
}

# scan SOURCE COMPRESSION: reads an archive to its end and says what is in it. tar takes a stream that
# stops between two entries for whole; with block numbers it says which of the two it found.
scan() {
	[ "$1" = - ] || exec <"$1"
	reply ready
	{
		decompress "$2"
		echo $? >$scratch/zstd
	} | {
		tar --list --file=- --totals --block-number -vv --index-file=/dev/fd/3 3>&1 >&2
		echo $? >$scratch/tar
	} | count_entries >$scratch/counts
	reply zstd_status "$(cat $scratch/zstd)"
	reply tar_status "$(cat $scratch/tar)"
	while read -r kind count; do reply "$kind" "$count"; done <$scratch/counts
}

# inspect: what a restore has to know about the volume before it touches anything. An empty lost+found
# belongs to the file system.
inspect() {
	reply first_entry "$(find $volume -mindepth 1 ! -path $volume/lost+found -print | head -n 1)"
	reply space "$(stat -f -c '%a %S %d %c' $volume)"
	if has_attributes $volume; then
		for tool in setfacl getfattr setfattr; do
			command -v $tool >/dev/null || reply missing_tool $tool
		done
	fi
}

# In tar's listing the mode is followed by + for an ACL and by * for attributes.
has_attributes() {
	# shellcheck disable=SC2086
	tar --create --file=/dev/null --directory="$1" --format=posix $faithful --no-recursion \
		-vv --index-file=/dev/fd/3 . 3>&1 | awk '{ found += length($1) > 10 } END { exit !found }'
}

# extract ID SOURCE COMPRESSION: unpacks an archive beside the volume's present contents.
extract() {
	staging=$volume/.dockform-$1
	[ "$2" = - ] || exec <"$2"
	touch -r $volume $scratch/root-mtime
	mkdir -m 700 "$staging" "$staging/new" && echo "$1" >$scratch/staged || exit 1
	reply ready
	flush_now_and_then "$staging/new" &
	flusher=$!
	{
		decompress "$3"
		echo $? >$scratch/zstd
	} | {
		# shellcheck disable=SC2086
		tar --extract --file=- --directory="$staging/new" $faithful --same-owner \
			--preserve-permissions --delay-directory-restore --totals \
			--warning=no-timestamp --warning=no-unknown-keyword \
			--verbose --index-file=/dev/fd/3 3>&1 >&2
		echo $? >$scratch/tar
	} | awk '{ entries++ } $0 == "./" { root++ } END { print entries + 0, root + 0 }' >$scratch/counts
	kill $flusher
	reply zstd_status "$(cat $scratch/zstd)"
	reply tar_status "$(cat $scratch/tar)"
	read -r entries root <$scratch/counts
	reply entries "$entries"
	# Moving entries changes a folder's time, so the root's metadata is kept apart. An archive that has
	# none for the root leaves it as it is.
	mkdir "$staging/new.root" || exit 1
	if [ "$root" -gt 0 ]; then
		copy_metadata "$staging/new" "$staging/new.root" || exit 1
	else
		copy_metadata $volume "$staging/new.root" && touch -r $scratch/root-mtime "$staging/new.root" ||
			exit 1
	fi
	# The new contents must be on the disk before the old ones are given up.
	sync -f "$staging/new" || exit 1
}

# Writes to the disk while the processor unpacks, so that little is left to be flushed at the end.
flush_now_and_then() {
	while sleep 1; do sync -f "$1"; done
}

# discard ID: takes the extracted contents away again, and never anything that was in the volume.
discard() {
	staging=$volume/.dockform-$1
	if [ -e "$staging/old" ] || [ -e "$staging/old.partial" ]; then exit 1; fi
	# A second helper, in place of one that died, does not know what the time was.
	[ -e $scratch/root-mtime ] || touch -r $volume $scratch/root-mtime
	rm -rf "$staging" && rm -f $scratch/staged && touch -r $scratch/root-mtime $volume
}

# drop ID: takes the old contents away after a swap, leaving the root's time as it was.
drop() {
	touch -r $volume $scratch/root-mtime
	rm -rf "$volume/.dockform-$1" && touch -r $scratch/root-mtime $volume
}

# swap ID: puts the extracted contents in place of the present ones by renames alone.
#
# The folder old.partial becomes old at the moment when all old entries are out: with old.partial the
# way is back, with old it is forward, and that is decidable from the folders alone.
swap() {
	staging=$volume/.dockform-$1
	rm -f $scratch/staged
	touch -r $scratch/root-mtime $volume
	mkdir "$staging/old.root" && copy_metadata $volume "$staging/old.root" &&
		mkdir -m 700 "$staging/old.partial" || exit 1
	if strip_attributes $volume && move_all $volume "$staging/old.partial" &&
		mv "$staging/old.partial" "$staging/old"; then
		finish_swap && exit
		# Nothing of the old is lost yet: what came in goes out again.
		mkdir -p "$staging/aside" && move_all $volume "$staging/aside" &&
			mv "$staging/old" "$staging/old.partial" || exit 1
	fi
	undo_swap
}

# recover ID: brings a swap that was cut short to its end, the one or the other.
recover() {
	staging=$volume/.dockform-$1
	if [ -e "$staging/old" ]; then
		finish_swap
	else
		undo_swap
	fi
}

finish_swap() {
	strip_attributes $volume && move_all "$staging/new" $volume &&
		copy_metadata "$staging/new.root" $volume && sync -f $volume && reply swapped
}

undo_swap() {
	if [ -e "$staging/old.partial" ]; then
		mkdir -p "$staging/aside" && return_all "$staging/old.partial" $volume "$staging/aside" &&
			rmdir "$staging/old.partial" || exit 1
	fi
	if [ -e "$staging/old.root" ]; then
		strip_attributes $volume && copy_metadata "$staging/old.root" $volume &&
			rmdir "$staging/old.root" || exit 1
	fi
	touch -r $volume $scratch/root-mtime && echo "${staging##*-}" >$scratch/staged &&
		sync -f $volume && reply swapped_back
}

# move_all FROM TO: everything but our own staging folder, until nothing is left: a folder that changes
# while it is read may be read with gaps.
move_all() {
	for _ in 1 2 3 4 5; do
		find "$1" -mindepth 1 -maxdepth 1 ! -path "$staging" -exec sh -c 'mv -- "$@" "$0"' "$2" {} + ||
			return 1
		[ -n "$(find "$1" -mindepth 1 -maxdepth 1 ! -path "$staging" -print | head -n 1)" ] || return 0
	done
	return 1
}

# return_all FROM TO ASIDE: the same, but what has appeared under one of the names makes room first.
return_all() {
	find "$2" -mindepth 1 -maxdepth 1 ! -path "$staging" -exec sh -c '
		from=$0 aside=$1
		shift
		for entry; do
			name=$from/${entry##*/}
			if [ -e "$name" ] || [ -L "$name" ]; then mv -- "$entry" "$aside" || exit 1; fi
		done' "$1" "$3" {} + && move_all "$1" "$2"
}

# copy_metadata FROM TO: owner, mode, times, attributes and ACLs of one folder. tar only adds
# attributes, so the target must have none that are not in the source.
copy_metadata() {
	# shellcheck disable=SC2086
	tar --create --file=- --directory="$1" --format=posix $faithful --no-recursion . |
		tar --extract --file=- --directory="$2" $faithful --same-owner --preserve-permissions
}

strip_attributes() {
	has_attributes "$1" || return 0
	setfacl --remove-all --remove-default "$1" || return 1
	getfattr --match='^(user|trusted|security)\.' --absolute-names "$1" |
		while IFS= read -r name; do
			case $name in
			'' | '#'* | security.selinux) ;;
			*) setfattr --remove="$name" "$1" || exit 1 ;;
			esac
		done
}

case $1 in
serve) serve ;;
*) run "$@" ;;
esac
