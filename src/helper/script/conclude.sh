# discard ID: takes away what was made ready and not put in place; never anything that was in the volume.
discard() {
	resume "$1" || return 0
	for state in old old.partial back safety safety.done; do
		if [ -e "$staging/$state" ]; then return 1; fi
	done
	touch -r $volume $scratch/root-time
	if [ -e "$staging/kept" ]; then
		rm -f "$staging/kept/names" && move "$staging/kept" "$volume/$kept_name" || return 1
	fi
	throw_away
}

# conclude ID: after a swap, keeps the old contents where that was asked for, else removes them.
conclude() {
	resume "$1" || return 0
	if [ -n "$(incoming)" ] || [ -e "$staging/safety" ]; then return 1; fi
	if [ ! -e "$staging/old" ] && ! is_concluded; then return 1; fi
	touch -r $volume $scratch/root-time
	about=$(about_file)
	if [ -e "$about" ]; then
		if [ -e "$staging/old" ]; then
			if [ -e "$volume/$kept_name" ]; then move "$volume/$kept_name" "$(kept_trash)" || return 1; fi
			rm -f "$staging/old/present" && move "$staging/old" "$volume/$kept_name" || return 1
		fi
		measure_kept
	fi
	replaced=$(kept_trash)
	if [ ! -e "$staging/returned" ]; then : >$scratch/concluded; fi
	throw_away
	concluded=$?
	if [ -e "$replaced" ]; then remove_unseen "$replaced" || concluded=1; fi
	return $concluded
}

# Where what was kept before waits for its removal: beside it, since on a union of disks it may be on another than the
# staging folder, and under a name of its own, made of that folder's.
kept_trash() {
	id=${staging##*-}
	case $id in 0*) first=1 ;; *) first=0 ;; esac
	echo "$volume/$trash_prefix$first${id#?}"
}

# measure_kept: what .dockform-kept holds, and how much of the disk that takes.
measure_kept() {
	[ -d "$volume/$kept_name" ] || return 0
	reply_kept
	reply kept_kilobytes "$(du -sk $volume/$kept_name | awk '{ print $1 }')"
}

# forget_kept ID: removes what .dockform-kept holds. May be called again where it was cut short.
forget_kept() {
	touch -r $volume $scratch/root-time
	trash=$volume/$trash_prefix$1
	if [ ! -e "$trash" ]; then move "$volume/$kept_name" "$trash" || return 1; fi
	reply put_away
	remove_unseen "$trash"
}

# The folder is out of everybody's way after one rename; what cannot be removed then does no harm. That has to be on the
# disk before the engine forgets the operation: a folder that it knows nothing of is taken for somebody else's. The
# root folder's time must be in $scratch/root-time.
throw_away() {
	if [ -d "$(aside)" ]; then reply aside "$(first_aside "$(aside)")"; fi
	trash=$volume/$trash_prefix${staging##*-}
	move "$staging" "$trash" && flush && rm -f $scratch/staging || return 1
	reply put_away
	remove_unseen "$trash"
}

# remove_unseen FOLDER: without a trace in the root folder's time, which must be in $scratch/root-time.
remove_unseen() {
	remove_trash "$1"
	removed=$?
	touch -r $scratch/root-time $volume
	return $removed
}

# The root of a Btrfs subvolume has inode 256. In one that is read-only nothing can be removed.
remove_trash() {
	rm -rf "$1" && return
	reply "left_${1##*-}"
	if [ "$(stat -f -c %t $volume)" = 9123683e ]; then
		find "$1" -type d -inum 256 -print | {
			subvolumes=0
			while IFS= read -r subvolume; do
				subvolumes=$((subvolumes + 1))
				reply "subvolume_$subvolumes" "${subvolume#"$volume"/}"
			done
		}
	fi
	return 1
}

# empty_trash: what earlier operations could not remove, which may be in vain again.
empty_trash() {
	touch -r $volume $scratch/root-time
	left=0
	for trash in $(folders_named "$trash_pattern"); do
		remove_trash "$trash" || left=1
	done
	touch -r $scratch/root-time $volume
	return $left
}

# put_aside ID: a folder that has the name of a staging folder, and is none that an operation has made.
put_aside() {
	touch -r $volume $scratch/root-time
	renaming aside "$volume/$staging_prefix$1" "$volume/$aside_prefix$1"
	put=$?
	touch -r $scratch/root-time $volume
	return $put
}
