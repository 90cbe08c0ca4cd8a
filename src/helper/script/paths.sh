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
