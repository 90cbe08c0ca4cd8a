# A lost+found that is the file system's own (inode 11 of ext2 to ext4) stays where it is, unless there is
# something in it, or is to be.
spare_lost_found() {
	spared=
	lost=$volume/lost+found
	if [ "$(stat -c '%i %F' $lost 2>/dev/null)" != '11 directory' ] || holds_something $lost; then return; fi
	other=$(incoming)/contents/lost+found
	if [ -e "$other" ] && ! rmdir "$other" 2>/dev/null; then return; fi
	spared="lost+found"
}

# What cannot be read may hold something.
holds_something() {
	found=$(find "$1" -mindepth 1 -print -quit) || return 0
	[ -n "$found" ]
}

# Every rename of something that is in the volume, or comes into it, is one of rename.pl's.
renaming() {
	perl -e "$rename_program" "$@"
}

# move FROM TO: a name of ours to one that is free. Only we write there, so it is free until then; and there are several
# in a swap, which this takes a third of the time of the whole program for.
move() {
	perl -e '
		lstat $ARGV[1] ? $! = 17 : rename($ARGV[0], $ARGV[1]) && exit;
		print STDERR "cannot move $ARGV[0] to $ARGV[1]: $!\n";
		exit 1' "$1" "$2"
}

# Where this operation puts aside what somebody else wrote meanwhile.
aside() {
	echo "$volume/$aside_prefix${staging##*-}"
}

# first_aside FOLDER: by its path in the volume.
first_aside() {
	path=$(first_line "$(find "$1" -mindepth 2 -maxdepth 2 -print -quit)")
	echo "${path#"$volume"/}"
}

# The names of what is to come in, before any of it has: what is in the volume then, and has one of them, and does
# not wait any more, has come in. An application that was started on an empty volume may have made itself at home.
list_names() {
	# The others have theirs since before the swap.
	[ -e "$in/names" ] || {
		names "$in/contents" >"$in/names.partial" && flush && move "$in/names.partial" "$in/names"
	}
}

# names FOLDER: of its entries.
names() {
	(cd "$1" && find . -mindepth 1 -maxdepth 1)
}
