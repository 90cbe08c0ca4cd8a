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

# An application can write there, too: its lines are one of ours, and not a long one.
reply_kept() {
	reply kept "$(head -c 65536 $volume/$kept_name/about 2>/dev/null | awk '{ printf "%s", $0 }')"
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
