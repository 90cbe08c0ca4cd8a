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
