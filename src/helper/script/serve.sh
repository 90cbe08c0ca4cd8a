reply() {
	printf '%s %s\n' "$DOCKFORM_MARK" "$*" >&2
}

run() {
	(ask "$@")
	status=$?
	: >$scratch/stoppable
	reply end $status
}

serve() {
	trap finish TERM
	beats=0
	echo $beats >$scratch/beats
	watch_client &
	watchdog=$!
	reader=
	while IFS= read -r line; do
		beats=$((beats + 1))
		if [ -n "$line" ]; then
			echo busy >$scratch/beats
			[ -z "$reader" ] || wait "$reader"
			# shellcheck disable=SC2086 # a verb and its arguments are single words
			case $line in
			extract\ * | scan\ *)
				# Meanwhile its client is listened to, which may go away.
				run $line </dev/null &
				reader=$!
				;;
			*) run $line </dev/null ;;
			esac
		fi
		echo $beats >$scratch/beats
	done >/dev/null
	finish
}

# An engine that was restarted under its containers, or a network that is gone, may keep the connection of a
# client that is dead open for ever. So a client sends an empty line every $beat_seconds. A signal is heard
# between two verbs.
watch_client() {
	last=
	silent=0
	while sleep "$beat_seconds" && kill -0 $$; do
		read -r beat <$scratch/beats
		if [ "$beat" = "$last" ] && [ "$beat" != busy ]; then silent=$((silent + 1)); else silent=0; fi
		last=$beat
		if [ $silent -eq "$silent_beats" ]; then kill -TERM $$; fi
	done
}

finish() {
	kill "$watchdog" 2>/dev/null
	stop_reading
	# The client is gone. What it had made ready and not swapped in is put away; the status tells
	# whether anything is left to be done, and if not, which contents are in place: 0 those from before, 4 what it brought.
	if [ -e $scratch/staging ]; then (discard "$(own_staging)"); fi
	[ ! -e $scratch/staging ] || exit 3
	[ ! -e $scratch/concluded ] || exit 4
	exit 0
}

# Says what this image has and, where the client left its token in the exchange folder, makes the
# pipe there that proves to the client that both use one kernel. It is in the way of every command, so
# what it has to start runs side by side.
hello() {
	tar --version >$scratch/said.tar 2>/dev/null </dev/null &
	tar_pid=$!
	zstd --version >$scratch/said.zstd 2>/dev/null </dev/null &
	zstd_pid=$!
	# shellcheck disable=SC2086 # a list of options
	tar $faithful --sparse --create --file=/dev/null --files-from=/dev/null >$scratch/said.lacks 2>&1
	wait $tar_pid $zstd_pid
	for what in tar zstd lacks; do
		line=
		IFS= read -r line <$scratch/said.$what
		reply $what "$line"
	done
	for tool in awk cat chmod du find mkdir mkfifo perl rm rmdir sleep stat sync touch; do
		command -v $tool >/dev/null || reply missing_tool $tool
	done
	if [ -r $exchange/token ] && mkfifo -m 666 $exchange/data 2>/dev/null; then
		read -r token <$exchange/token
		read -r kernel </proc/sys/kernel/random/boot_id
		reply token "$token"
		reply kernel "$kernel"
	fi
}

# The operation of this helper, where it has begun.
own_staging() {
	if [ -e $scratch/staging ]; then
		read -r own <$scratch/staging
		echo "$own"
	fi
}

first_line() {
	printf '%s' "${1%%
*}"
}
