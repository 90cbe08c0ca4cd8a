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
