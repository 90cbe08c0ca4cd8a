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
