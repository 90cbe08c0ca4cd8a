# Moves entries by rename(2) alone, which never copies, and never in the place of another one. Uses no module: the
# helper's image may have nothing but the perl program.
#
#   one FROM TO                     renames FROM to TO
#   over FROM TO                    the same for a file of ours, in the place of an earlier one
#   place FROM TO ASIDE             the same where TO is in the volume: what stands there is put aside first
#   aside PATH ASIDE                puts PATH aside, into a folder of ASIDE where nothing is in its way
#   out TO VOLUME ASIDE NAME [LEFT] of the entries of VOLUME those to TO/contents that TO/present lists. What has come
#                                   since is put aside. NAME, and our own names, stay. With LEFT, so does what cannot
#                                   be renamed, and its names are in the file LEFT.
#   return FROM VOLUME ASIDE        every entry of FROM to VOLUME; what stands in its way there is put aside
#   in SIDE VOLUME ASIDE NAME       SIDE/contents to VOLUME. What is in the volume and has not come from there, as
#                                   SIDE/names tells, is put aside first.
#   back SIDE VOLUME ASIDE NAME     the way back from that: what came from there, and nothing else
#   remove LIST VOLUME              removes what LIST names from VOLUME, but nothing that was changed after LIST
#   fixed LIST VOLUME               fails where something that LIST names, or below it, is immutable or append-only
#   probe HOW VOLUME STAGING NAME [PATH...]
#                                   whether the paths, or every entry but NAME and our own, can be renamed into a
#                                   folder in STAGING. Nothing that is there moves. Where HOW is in_place, what cannot
#                                   be is to be removed, and is looked through for what cannot be removed either.
#
# Says of the first that cannot be renamed: "unmovable ERRNO NAME". Ends with status 2 where trying again would not help.

my ($EPERM, $EROFS) = (1, 30);
my ($ENOENT, $EEXIST, $EXDEV, $EISDIR, $EINVAL, $ENOSYS, $ENOTEMPTY) = (2, 17, 18, 21, 22, 38, 39);
my ($AT_FDCWD, $RENAME_NOREPLACE) = (-100, 1);
my $RESERVED = qr/^$ENV{reserved_name}\z/;

# One place for each file, which the kernel itself looks after. A union of folders in user space may make a missing
# folder of its own accord, on another of its disks, and then really move something.
my %OF_THE_KERNEL = map { $_ => 1 } qw(bcachefs btrfs ext2 ext3 ext4 f2fs jfs overlay reiserfs tmpfs xfs zfs);
my %UNION = map { $_ => 1 } qw(aufs fuse.mergerfs fuse.mhddfs fuse.shfs fuse.unionfs fuse.unionfs-fuse);

# By these a file system says that it will not move an entry, however often it is asked.
my %FIXED = map { $_ => 1 } $EPERM, $EXDEV, $EROFS;

my ($FS_IOC_FSGETXATTR, $FS_XFLAG_PROJINHERIT) = (0x801c581f, 0x200);
my ($FS_IOC_GETFLAGS, $IMMUTABLE_OR_APPEND, $O_NONBLOCK) = (0x80086601, 0x30, 04000);

# The numbers of renameat2 and getxattr by the machine in the header of this program's file.
my %NUMBERS = (
	3 => [353, 229], 20 => [357, 212], 21 => [357, 212], 22 => [347, 227], 40 => [382, 229], 62 => [316, 191],
	183 => [276, 8], 243 => [276, 8], 258 => [276, 8],
);
my ($renameat2, $getxattr) = numbers();

sub numbers {
	open(my $file, '<:raw', '/proc/self/exe') or return;
	read($file, my $header, 20) == 20 or return;
	my ($class, $order) = unpack 'x4CC', $header;
	my $machine = unpack $order == 2 ? 'x18n' : 'x18v', $header;
	# The x32 interface has numbers of its own.
	return if $machine == 62 && $class == 1;
	return @{$NUMBERS{$machine} || []};
}

# Returns true, or false with $! set. File systems that know no flags, and machines whose number is not known, get a
# look at the name and a rename: in our own folder nobody else writes.
sub move {
	my ($from, $to) = @_;
	if ($renameat2) {
		return 1 if syscall($renameat2, $AT_FDCWD, "$from", $AT_FDCWD, "$to", $RENAME_NOREPLACE) == 0;
		return 0 if $! != $EINVAL && $! != $ENOSYS;
	}
	if (lstat $to) {
		$! = $EEXIST;
		return 0;
	}
	return $! == $ENOENT && rename $from, $to;
}

sub reply {
	print STDERR "$ENV{DOCKFORM_MARK} @_\n";
}

sub shown {
	my ($name) = @_;
	$name =~ s/([\0-\037\177])/sprintf '\\%03o', ord $1/ge;
	return $name;
}

sub unmovable {
	my ($number, $name) = @_;
	reply('unmovable', $number, shown($name));
}

sub fail {
	my ($name) = @_;
	my ($number, $text) = ($! + 0, "$!");
	unmovable($number, $name);
	print STDERR 'cannot move ', shown($name), ": $text\n";
	exit($FIXED{$number} ? 2 : 1);
}

sub cannot_read {
	print STDERR 'cannot read ', shown($_[0]), ": $!\n";
	exit 1;
}

sub base {
	return substr $_[0], rindex($_[0], '/') + 1;
}

sub type_of {
	my ($volume) = @_;
	open(my $mounts, '<', '/proc/self/mountinfo') or fail('/proc/self/mountinfo');
	my ($longest, $type) = ('', 'unknown');
	while (<$mounts>) {
		my ($place, $found) = /^(?:\S+ ){4}(\S+) .*? - (\S+)/;
		$place =~ s{/\z}{};
		($longest, $type) = ($place, $found) if length $place >= length $longest && index("$volume/", "$place/") == 0;
	}
	return $type;
}

# The folders of a union's disks that hold a path's part of the volume; nothing where it does not say.
sub branches {
	my ($volume, $path) = @_;
	return if !$getxattr;
	my ($file, $name, $places) = ("$volume/$path", 'user.mergerfs.allpaths', "\0" x 65536);
	my $length = syscall($getxattr, $file, $name, $places, length $places);
	return if $length <= 0;
	return map { substr $_, 0, length($_) - length("/$path") } split /\0/, substr $places, 0, $length;
}

# A function that says of a name in the volume whether it can be tried to rename it to a folder there; $! is set where
# it cannot. A union renames within its disks. Where one that holds a part of a folder does not have the one it is to
# go into, that part may stay without a word, while the others move.
sub movable_to {
	my ($to, $volume) = @_;
	return sub { 1 } if !$UNION{type_of($volume)};
	my %ours = map { $_ => 1 } branches($volume, substr $to, length "$volume/");
	return sub {
		# The kernel does not ask for the attributes of anything else, which is on one disk.
		return 1 if lstat "$volume/$_[0]" and !-f _ && !-d _;
		my @holding = branches($volume, $_[0]);
		return 1 if @holding && !grep { !$ours{$_} } @holding;
		$! = $EXDEV;
		return 0;
	};
}

# Nothing that is put aside is ever removed by us. Returns false with $! set where it cannot be put there.
sub put_aside {
	my ($path, $aside) = @_;
	my ($name, $volume) = (base($path), substr $aside, 0, rindex $aside, '/');
	for my $folder ($aside, map { "$aside/$_" } 1 .. 1000) {
		mkdir $folder, 0700 or $! == $EEXIST or return 0;
		next if $folder eq $aside;
		return 1 if movable_to($folder, $volume)->(substr $path, length "$volume/") && move($path, "$folder/$name");
		next if $! == $EEXIST;
		my $number = $! + 0;
		# Whoever made it may have removed it.
		rmdir $folder and rmdir $aside;
		$! = $number;
		return $number == $ENOENT;
	}
	return 0;
}

# For what nothing else is to take the place of. Returns whether it is out of the volume.
sub put_aside_if_movable {
	my ($name, $volume, $aside) = @_;
	return 1 if put_aside("$volume/$name", $aside);
	fail($name) if !$FIXED{$! + 0};
	print STDERR shown($name), " was written meanwhile, and stays in the volume: $!\n";
	return 0;
}

sub place {
	my ($from, $to, $aside) = @_;
	for (1 .. 5) {
		return if move($from, $to);
		last if $! != $EEXIST;
		put_aside($to, $aside) or last;
	}
	fail(base($to));
}

# Calls a function with the name of each entry; the folder may change meanwhile.
sub each_entry {
	my ($folder, $visit) = @_;
	opendir(my $entries, $folder) or cannot_read($folder);
	while (1) {
		# The end and an error are both no name.
		$! = 0;
		my $name = readdir $entries;
		if (!defined $name) {
			cannot_read($folder) if $!;
			last;
		}
		next if $name eq '.' || $name eq '..';
		$visit->($name);
	}
	closedir $entries;
}

# A folder that changes while it is read may be read with gaps, so it is read until there is nothing left to move.
sub empty {
	my ($folder, $stays, $move_out) = @_;
	chdir $folder or cannot_read($folder);
	for (1 .. 20) {
		my $met = 0;
		each_entry('.', sub {
			my ($name) = @_;
			return if $stays->($name);
			$met++;
			$move_out->($name);
		});
		return if !$met;
	}
	print STDERR "$folder does not become empty: something else writes to it\n";
	exit 1;
}

# What is gone from its folder by now need not be moved any more.
sub is_gone {
	my ($name) = @_;
	return $! == $ENOENT && !lstat $name;
}
