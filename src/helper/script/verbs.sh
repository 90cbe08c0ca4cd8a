# What the client may ask for, each by a function of the same name; verbs.ts has the other side of it.
ask() {
	case ${1-} in
	hello | archive | attributes | fingerprint | scan | inspect | lies_on | \
	look_at | begin | resume | probe | try_samples | extract | finish_extract | \
	accept | limit_to | take_kept | swap | swap_back | recover | keep | \
	clear | discard | conclude | forget_kept | measure_kept | empty_trash | \
	put_aside) "$@" ;;
	*)
		echo "no such verb: ${1-}" >&2
		exit 64
		;;
	esac
}

case $1 in
serve) serve ;;
*) run "$@" ;;
esac
