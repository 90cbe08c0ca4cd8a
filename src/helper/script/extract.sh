# extract ID SOURCE COMPRESSION RECORDS [no_acls] [no_set_id]: unpacks an archive beside the volume's present contents.
# Where there can be no ACLs tar must not try to set any: it would for each entry, as its mode says.
extract() {
	input_from "$2"
	# What is to be removed first may take longer than the client waits for this.
	reply ready
	begin_reading
	resume "$1" || make_staging "$1" || exit 1
	be_stoppable
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
	flush_now_and_then "$contents" 9>&- &
	flusher=$!
	echo $flusher >>$scratch/stoppable
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
	sync -f "$staging" 9>&- && move "$staging/new.partial" "$staging/new" || exit 1
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
