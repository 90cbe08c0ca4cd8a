# What was stripped a moment ago is.
stripped=

# copy_metadata FROM TO: owner, mode, times, attributes and ACLs of one folder, as far as the file system, and what
# this helper may do, let them be set: what cannot be set here could not be changed on TO before either. tar only
# adds attributes, so TO must have none that are not in the source.
copy_metadata() {
	stripped=
	# shellcheck disable=SC2086
	said=$({ tar --create --file=- --directory="$1" --format=posix $faithful --no-recursion . |
		tar --extract --file=- --directory="$2" $faithful --same-owner --preserve-permissions; } 2>&1)
	copied=$?
	[ -n "$said" ] || return $copied
	# What tar cannot read or set may be a warning to it. An ACL's text that it cannot use comes with a raw copy.
	printf '%s\n' "$said" | awk -v copied=$copied '
		/Cannot acl_from_text|Exiting with failure status due to previous errors/ { next }
		/(Operation not (permitted|supported)|Permission denied|Invalid argument)$/ &&
			/Cannot (.*listxattr|set .* extended attribute|(set|drop default) POSIX ACLs|change ownership|change mode|utime)/ { next }
		/Cannot/ || copied { lost = 1 }
		{ print }
		END { exit lost }' >&2
}

strip_attributes() {
	if [ "$stripped" = "$1" ]; then return 0; fi
	if has_attributes "$1"; then take_attributes_off "$1" || return 1; fi
	stripped=$1
}

# What this helper may not take off it may not put on either: that stays.
take_attributes_off() {
	said=$(setfacl --remove-all --remove-default "$1" 2>&1)
	case $?,$said in
	0,* | *': Operation not supported') ;;
	*)
		printf '%s\n' "$said" >&2
		return 1
		;;
	esac
	getfattr --match='^(user|trusted|security)\.' --absolute-names "$1" |
		while IFS= read -r name; do
			case $name in
			'' | '#'* | security.selinux) ;;
			user.* | security.capability) setfattr --remove="$name" "$1" || exit 1 ;;
			*) setfattr --remove="$name" "$1" 2>/dev/null || : ;;
			esac
		done
}
