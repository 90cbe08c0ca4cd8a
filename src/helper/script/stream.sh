compress() {
	case $1 in
	none) cat ;;
	*) zstd --quiet --threads=0 "-$1" --stdout ;;
	esac
}

decompress() {
	case $1 in
	none) stoppable cat ;;
	# Whoever feeds it has looked at the window of each frame.
	*) stoppable zstd --quiet --decompress --stdout --long=31 ;;
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
	begin_reading
	be_stoppable
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
	stoppable tar "$@" $records --read-full-records --ignore-zeros --checkpoint="$most" \
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

# Whoever reads an archive of a client's, in an exec or in the background of serve, ends when that is gone: what it still
# had to read, and to flush, may take long. It holds its end of a pipe open, as all that it starts does; what does not has
# nothing to do with the volume any more.
begin_reading() {
	[ -p $scratch/reading ] || mkfifo $scratch/reading || exit 1
	exec 9<>$scratch/reading
}

# Has stop_reading end this process at any moment from now on.
be_stoppable() {
	read -r me _ </proc/self/stat && echo "$me" >>$scratch/stoppable && [ ! -e $scratch/stopped ] || exit 1
}

# stoppable PROGRAM ARG...: in a process of its own that stop_reading ends.
stoppable() {
	(
		be_stoppable
		exec "$@"
	)
}

# Returns when nobody reads any more, nor will. Who has not said yet how it is stopped sees that it is to be.
stop_reading() {
	: >$scratch/stopped
	[ -p $scratch/reading ] || return 0
	readers=
	while read -r each; do readers="$readers $each"; done <$scratch/stoppable
	# shellcheck disable=SC2086 # numbers of processes
	kill -KILL $readers 2>/dev/null
	exec 8<>$scratch/reading
	exec 7<$scratch/reading
	exec 8>&-
	read -r _ <&7
}
