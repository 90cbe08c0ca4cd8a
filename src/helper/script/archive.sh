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
	if [ $# -eq 3 ]; then folder=$volume/$staging_prefix$3/new/contents; fi
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
