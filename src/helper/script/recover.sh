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
