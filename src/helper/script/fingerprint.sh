# fingerprint SINK: what tells whether anything in the volume changed: a record for each entry, of two texts
# that end with a NUL (src/capture/fingerprint.ts reads them). Needs GNU find.
fingerprint() {
	output_to "$1"
	reply ready
	refuse_unfinished
	file_system=$(stat -f -c %T $volume)
	reply file_system "$file_system"
	# On others nothing can be told by it, and a walk over a network takes long.
	case " $telling_file_systems " in
	*" $file_system "*) ;;
	*) return 0 ;;
	esac
	reply boot "$(cat /proc/sys/kernel/random/boot_id)"
	touch $scratch/now
	reply time "$(stat -c %Z $scratch/now)"
	# A write through a memory map changes the time of a file only if the page was clean before.
	sync -f $volume
	find $volume -regextype posix-extended \
		-regex "$volume/$reserved_name" -prune \
		-o -printf '%D %C@ %T@ %y %m %U %G %i %n %s %P\0%l\0'
	reply find_status $?
}
