# Runs inside the helper container. It sees the volume at /volume and, where the client shares this
# kernel, a folder of the client's at /exchange; nothing else, and no network.
#
# The client puts variables in front of this that both have to agree on (protocol.ts).
#
#   serve          PID 1: reads a verb a line until the client's connection closes. A verb that has
#                  begun is finished first, so a client that dies cannot cut a swap in two; one that only reads what
#                  its client sends is stopped.
#   VERB ARG...    one verb, as an exec; there the data stream is the exec's stdin or stdout.
#
# Replies are lines on stderr that begin with $DOCKFORM_MARK, which nobody else knows; every other
# line there is a message of a tool.
#
# POSIX sh: it runs under dash, bash and BusyBox ash.
set -uf
export LC_ALL=C
# Without it the C library looks for the local time zone once for each entry that tar lists.
export TZ=UTC0
# What the image says of tar and zstd could leave out files without a word.
unset TAR_OPTIONS TAPE TAR_RSH RSH POSIXLY_CORRECT ZSTD_CLEVEL ZSTD_NBTHREADS

# A program of perl, which takes this name's place when the script is loaded (script.ts).
rename_program='@rename.pl rename-out.pl rename-in.pl rename-probe.pl@'

volume=/volume
exchange=/exchange
scratch=/scratch

# Names at the top of a volume that are ours: an operation in flight, what an operation keeps, what is being
# removed, and what somebody else wrote between old and new.
staging_pattern=$staging_prefix$id_pattern
trash_pattern=$trash_prefix$id_pattern
aside_pattern=$aside_prefix$id_pattern
# For programs of perl, too.
export reserved_name
reserved="( -name $staging_pattern -o -name $trash_pattern -o -name $aside_pattern -o -name $kept_name )"

# The unit in which tar reads and writes. 60 KiB, the most that a pipe takes at once and a multiple of tar's
# default: half the processor time of 10 KiB.
records=--blocking-factor=$record_blocks

# Whatever else wants the processor goes first, where the image has a tool for that.
patient='nice -n 19'
command -v nice >/dev/null || patient=

# What makes tar faithful, on both sides. SELinux labels belong to the host, not to the data: the
# engine sets them itself.
faithful='--xattrs --xattrs-include=* --xattrs-exclude=security.selinux --acls --numeric-owner'
