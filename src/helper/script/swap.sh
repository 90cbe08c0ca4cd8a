# take_kept ID: makes ready what .dockform-kept holds. What others have written is flushed now, and not while
# containers are down for the swap.
take_kept() {
	begin_by_kept "$1" && move "$volume/$kept_name" "$staging/kept" && touch -r $scratch/root-time $volume &&
		names "$staging/kept/contents" >"$staging/kept/names" && flush
}

# swap ID [ABOUT]: puts what was made ready in place of the present contents, by renames alone. With ABOUT,
# a word, the present contents are to be kept, and it is kept with them.
swap() {
	resume "$1" || exit 1
	if write_about about "${2-}" && take_out; then
		finish_swap && exit
		# Nothing of the old is lost yet: what came in goes out again.
		take_in_back && move "$staging/old" "$staging/old.partial" || exit 1
	fi
	undo_swap
}

# keep ID ABOUT: after a swap, what was replaced is to be kept, which was not asked for before.
keep() {
	resume "$1" || exit 1
	for other in "$staging/paths" "$staging/back" "$staging/returned" "$volume/$kept_name"; do
		if [ -e "$other" ]; then exit 1; fi
	done
	echo "$2" >"$staging/old/about" && sync "$staging/old/about" && write_about about "$2"
}
