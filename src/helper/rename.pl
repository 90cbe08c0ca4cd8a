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
my $RESERVED = qr/^\.dockform-(?:kept|(?:trash-|aside-)?[0-9a-f]{12})\z/;

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

sub move_out {
	my ($to, $volume, $aside, $spared, $list) = @_;
	my %present = names_in("$to/present");
	my (%left, %stays);
	my $can_move = movable_to("$to/contents", $volume);
	my $stays = sub { $_[0] =~ $RESERVED || $_[0] eq $spared || $left{$_[0]} || $stays{$_[0]} };
	empty($volume, $stays, sub {
		my ($name) = @_;
		if ($present{$name}) {
			return if $can_move->($name) && move($name, "$to/contents/$name");
			return if is_gone($name);
			if ($! == $EXDEV && defined $list) {
				$left{$name} = 1;
				return;
			}
			fail($name) if $! != $EEXIST;
		}
		put_aside_if_movable($name, $volume, $aside) or $stays{$name} = 1;
	});
	return if !%left;
	write_links($list =~ s/\.partial\z//r . '.links', $volume, keys %left);
	write_names($list, keys %left);
}

sub return_all {
	my ($from, $volume, $aside) = @_;
	empty($from, sub { 0 }, sub {
		my ($name) = @_;
		return if move($name, "$volume/$name") || is_gone($name);
		fail($name) if $! != $EEXIST;
		place($name, "$volume/$name", $aside);
	});
}

# A name a line, each after "./"; a name may have line feeds in it, and no slash.
sub names_in {
	my ($list) = @_;
	open(my $file, '<:raw', $list) or cannot_read($list);
	my ($text, $length) = ('');
	do {
		$length = sysread $file, $text, 1 << 20, length $text;
		cannot_read($list) if !defined $length;
	} while $length;
	$text =~ s/\n\z//;
	return map { $_ => 1 } split m{(?:\A|\n)\./}, $text;
}

sub write_names {
	my ($list, @names) = @_;
	open(my $file, '>:raw', $list) or fail($list);
	print $file map { "./$_\n" } @names and close $file or fail($list);
}

# Which files at or below some names have others: removing one of those changes the file, and is no reason to keep it.
sub write_links {
	my ($list, $volume, @names) = @_;
	my %links;
	my @paths = map { "$volume/$_" } @names;
	while (defined(my $path = pop @paths)) {
		my @status = lstat $path or next;
		if (-d _) { each_entry($path, sub { push @paths, "$path/$_[0]" }) }
		elsif ($status[3] > 1) { $links{"$status[0] $status[1]"} = 1 }
	}
	open(my $file, '>', $list) or fail($list);
	print $file map { "$_\n" } keys %links;
	close $file or fail($list);
}

sub links_in {
	my ($list) = @_;
	open(my $file, '<', $list) or cannot_read($list);
	return map { chomp; $_ => 1 } <$file>;
}

# Removes what was there when the list was written, and nothing that was changed since.
sub remove {
	my ($list, $volume) = @_;
	my %names = names_in($list);
	my $since = (lstat $list)[10];
	# Times are seconds here. What changes from now on is to be of a later one, by the file system's own clock.
	until (changed_now("$list.clock") > $since) { select undef, undef, undef, 0.05 }
	my %links = links_in("$list.links");
	my %stays;
	for my $name (grep { $_ ne '' } keys %names) {
		chdir $volume or cannot_read($volume);
		remove_tree($name, $name, $since, \%stays, \%links);
	}
	return if !%stays;
	print STDERR shown($_), " stays: $stays{$_}\n" for sort keys %stays;
	exit 1;
}

sub changed_now {
	my ($clock) = @_;
	unlink $clock;
	open(my $file, '>', $clock) or fail($clock);
	return (stat $file)[10];
}

# NAME is in the folder that this program is in; what cannot be removed is in STAYS, by its path, with the reason. A
# file in LINKS, which had other names, changes when one of them is removed, and is written to only if its contents are.
sub remove_tree {
	my ($name, $path, $since, $stays, $links) = @_;
	my @status = lstat $name or return;
	if (!-d _) {
		my $changed = $status[$links->{"$status[0] $status[1]"} ? 9 : 10];
		return $stays->{$path} = 'it was written meanwhile; copy it out and remove it' if $changed > $since;
		unlink $name or $! == $ENOENT or $stays->{$path} = "$!";
		return;
	}
	chdir $name or return $stays->{$path} = "$!";
	my @inside;
	each_entry('.', sub { push @inside, $_[0] });
	remove_tree($_, "$path/$_", $since, $stays, $links) for @inside;
	chdir '..' or cannot_read($path);
	rmdir $name or $! == $ENOENT or grep { index($_, "$path/") == 0 } keys %$stays or $stays->{$path} = "$!";
}

# Fails with the first entry at or below one of LIST in VOLUME that not even root can remove.
sub refuse_fixed {
	my ($list, $volume) = @_;
	my %names = names_in($list);
	for (grep { $_ ne '' } keys %names) {
		my $fixed = fixed_below($volume, $_);
		next if !defined $fixed;
		$! = $EPERM;
		fail($fixed);
	}
}

sub fixed_below {
	my ($volume, $path) = @_;
	lstat "$volume/$path" or return;
	return if !-f _ && !-d _;
	my $is_folder = -d _;
	if (sysopen(my $file, "$volume/$path", $O_NONBLOCK)) {
		my $flags = "\0" x 8;
		return $path if defined ioctl($file, $FS_IOC_GETFLAGS, $flags) && unpack('L', $flags) & $IMMUTABLE_OR_APPEND;
	}
	return if !$is_folder;
	my @inside;
	each_entry("$volume/$path", sub { push @inside, $_[0] });
	for (@inside) {
		my $fixed = fixed_below($volume, "$path/$_");
		return $fixed if defined $fixed;
	}
	return;
}

# An entry comes in by one rename, so one that is listed and does not wait any more has come in.
sub has_come_in {
	my ($side) = @_;
	my %ours = -e "$side/names" ? names_in("$side/names") : ();
	return sub { $ours{$_[0]} && !lstat "$side/contents/$_[0]" };
}

sub move_in {
	my ($side, $volume, $aside, $spared) = @_;
	my $has_come_in;
	each_entry($volume, sub {
		my ($name) = @_;
		return if $name =~ $RESERVED || $name eq $spared;
		$has_come_in ||= has_come_in($side);
		return if $has_come_in->($name) || put_aside_if_movable($name, $volume, $aside);
		return if !lstat "$side/contents/$name";
		print STDERR shown($name), " stands in the way, and cannot be moved: copy out what you need of it and remove it\n";
		exit 1;
	});
	# From here on what has one of these names may be what has come in.
	my $left = substr($side, 0, rindex $side, '/') . '/left';
	!-e $left or unlink $left or fail($left);
	return_all("$side/contents", $volume, $aside);
}

sub move_back {
	my ($side, $volume, $aside, $spared) = @_;
	my %stays;
	my $has_come_in = has_come_in($side);
	my $can_move = movable_to("$side/contents", $volume);
	empty($volume, sub { $_[0] =~ $RESERVED || $_[0] eq $spared || $stays{$_[0]} }, sub {
		my ($name) = @_;
		if ($has_come_in->($name)) {
			return if $can_move->($name) && move($name, "$side/contents/$name");
			return if is_gone($name);
			fail($name) if $! != $EEXIST;
		}
		put_aside_if_movable($name, $volume, $aside) or $stays{$name} = 1;
	});
}

# A folder cannot take the place of one that is not empty, and nothing else that of a folder. Before the kernel finds
# that, it finds whatever else forbids the rename.
sub try_real {
	my ($from, $to, $name) = @_;
	if (rename $from, $to) {
		rename $to, $from or fail($name);
		die "$name could be renamed onto a folder that is not empty\n";
	}
	return 1 if $! == $ENOTEMPTY || $! == $EEXIST || $! == $EISDIR || $! == $ENOENT;
	return 0;
}

# Nothing of another project comes into a folder that hands its own project down. For a file the kernel would find
# that out only after it has found the folder in its place.
sub same_project {
	my ($volume) = @_;
	my ($flags, $project) = project($volume);
	return sub { 1 } if !defined $flags || !($flags & $FS_XFLAG_PROJINHERIT);
	return sub {
		my (undef, $other) = project("$volume/$_[0]");
		return 1 if !defined $other || $other == $project;
		$! = $EXDEV;
		return 0;
	};
}

# (flags, project) of a file or folder; nothing where there is no such thing.
sub project {
	my ($path) = @_;
	lstat $path;
	return if !-f _ && !-d _;
	sysopen(my $file, $path, 0) or return;
	my $attributes = "\0" x 28;
	defined ioctl($file, $FS_IOC_FSGETXATTR, $attributes) or return;
	return (unpack 'L4', $attributes)[0, 3];
}

sub probe {
	my ($how, $volume, $staging, $spared, @paths) = @_;
	my ($own, $target) = ("$staging/probe/own", "$staging/probe/contents");
	for my $folder ("$staging/probe", $own, "$own/inside", $target) {
		mkdir $folder, 0700 or fail($folder);
	}
	my $type = type_of($volume);
	reply('file_system_type', $type);
	my @checks = (movable_to($target, $volume));
	# After that: a union may make it, and the folder that it is in, on another of its disks.
	mkdir "$target/inside", 0700 or fail($target);
	push @checks, same_project($volume), sub { try_real("$volume/$_[0]", $target, $_[0]) } if $OF_THE_KERNEL{$type};
	my $removed;
	my $check = sub {
		my ($name) = @_;
		return if !lstat "$volume/$name";
		for (@checks) {
			next if $_->($name);
			my $number = $! + 0;
			my $is_removed = $how eq 'in_place' && $number == $EXDEV;
			my $fixed = $is_removed ? fixed_below($volume, $name) : undef;
			$removed ||= $name if $is_removed;
			return if $is_removed && !defined $fixed;
			unmovable(defined $fixed ? ($EPERM, $fixed) : ($number, $name));
			exit 0;
		}
	};
	# One of ours does no harm anywhere.
	rename $own, "$target/own" or unmovable($! + 0, '.'), exit 0;
	if (@paths) { $check->($_) for @paths }
	else { each_entry($volume, sub { $check->($_[0]) if $_[0] !~ $RESERVED && $_[0] ne $spared }) }
	unmovable($EXDEV, $removed) if defined $removed;
}

my ($what, @words) = @ARGV;
my %verbs = (
	one => sub { move(@_) or fail(base($_[0])) },
	over => sub { rename $_[0], $_[1] or fail(base($_[0])) },
	place => \&place,
	aside => sub { put_aside(@_) or fail(base($_[0])) },
	out => \&move_out,
	return => \&return_all,
	in => \&move_in,
	back => \&move_back,
	remove => \&remove,
	fixed => \&refuse_fixed,
	probe => \&probe,
);
$verbs{$what}->(@words);
