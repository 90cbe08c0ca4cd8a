case $1 in
serve) serve ;;
*) run "$@" ;;
esac
