# Moves entries by rename(2) alone, which never copies, and never in the place of another one. Uses no module: the
# helper's image may have nothing but the perl program.
#
#   one FROM TO                     renames FROM to TO
#   place FROM TO ASIDE             the same where TO is in the volume: what stands there is put aside first
#   aside PATH ASIDE                puts PATH aside, into a folder of ASIDE where nothing is in its way
#   all FROM TO VOLUME ASIDE [NAME] every entry of FROM to TO, one of which is VOLUME; where both have an entry of
#                                   one name, the volume's is put aside. NAME, and our own names, stay in the volume.
#   in SIDE VOLUME ASIDE [NAME]     SIDE/contents to VOLUME. What is in the volume and has not come from there, as
#                                   SIDE/names tells, is put aside first.

my ($EEXIST, $EINVAL, $ENOSYS, $ENOENT) = (17, 22, 38, 2);
my ($AT_FDCWD, $RENAME_NOREPLACE) = (-100, 1);
my $RESERVED = qr/^\.dockform-(?:kept|(?:trash-|aside-)?[0-9a-f]{12})\z/;

# The number of renameat2 by the machine in the header of this program's file.
my %RENAMEAT2 = (
	3 => 353, 20 => 357, 21 => 357, 22 => 347, 40 => 382, 62 => 316, 183 => 276, 243 => 276, 258 => 276,
);
my $renameat2 = renameat2_number();

sub renameat2_number {
	open(my $file, '<:raw', '/proc/self/exe') or return;
	read($file, my $header, 20) == 20 or return;
	my ($class, $order) = unpack 'x4CC', $header;
	my $machine = unpack $order == 2 ? 'x18n' : 'x18v', $header;
	# The x32 interface has numbers of its own.
	return if $machine == 62 && $class == 1;
	return $RENAMEAT2{$machine};
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

sub fail {
	my ($name) = @_;
	my ($number, $text) = ($! + 0, "$!");
	reply('unmovable', $number, shown($name));
	print STDERR 'cannot move ', shown($name), ": $text\n";
	exit 1;
}

sub base {
	return substr $_[0], rindex($_[0], '/') + 1;
}

# Nothing that is put aside is ever removed by us.
sub put_aside {
	my ($path, $aside) = @_;
	my $name = base($path);
	for my $folder ($aside, map { "$aside/$_" } 1 .. 1000) {
		mkdir $folder, 0700 or $! == $EEXIST or last;
		next if $folder eq $aside;
		return if move($path, "$folder/$name");
		if ($! == $ENOENT) {
			# Whoever made it has removed it.
			rmdir $folder and rmdir $aside;
			return;
		}
		last if $! != $EEXIST;
	}
	fail($name);
}

sub place {
	my ($from, $to, $aside) = @_;
	for (1 .. 5) {
		return if move($from, $to);
		last if $! != $EEXIST;
		put_aside($to, $aside);
	}
	fail(base($to));
}

# Calls a function with the name of each entry, until it returns false; the folder may change meanwhile.
sub each_entry {
	my ($folder, $visit) = @_;
	opendir(my $entries, $folder) or fail($folder);
	while (defined(my $name = readdir $entries)) {
		next if $name eq '.' || $name eq '..';
		$visit->($name);
	}
	closedir $entries;
}

# A folder that changes while it is read may be read with gaps, so it is read until there is nothing left to move.
sub move_all {
	my ($from, $to, $volume, $aside, $spared) = @_;
	chdir $from or fail($from);
	for (1 .. 20) {
		my $met = 0;
		each_entry('.', sub {
			my ($name) = @_;
			return if $from eq $volume && ($name =~ $RESERVED || $name eq $spared);
			$met++;
			return if move($name, "$to/$name");
			return if $! == $ENOENT && !lstat $name;
			fail($name) if $! != $EEXIST;
			put_aside("$volume/$name", $aside);
			if ($to eq $volume) { place($name, "$to/$name", $aside) }
		});
		return if !$met;
	}
	print STDERR "$from does not become empty: something else writes to it\n";
	exit 1;
}

# A name a line, each after "./"; a name may have line feeds in it, and no slash.
sub names_in {
	open(my $file, '<:raw', $_[0]) or fail($_[0]);
	local $/;
	my $text = <$file>;
	$text =~ s/\n\z//;
	return map { $_ => 1 } split m{(?:\A|\n)\./}, $text;
}

# An entry comes in by one rename, so one that is listed and does not wait any more has come in.
sub move_in {
	my ($side, $volume, $aside, $spared) = @_;
	my %ours;
	each_entry($volume, sub {
		my ($name) = @_;
		return if $name =~ $RESERVED || $name eq $spared;
		%ours = names_in("$side/names") if !%ours;
		return if $ours{$name} && !lstat "$side/contents/$name";
		put_aside("$volume/$name", $aside);
	});
	move_all("$side/contents", $volume, $volume, $aside, '');
}

my ($what, @words) = @ARGV;
my %verbs = (
	one => sub { move(@_) or fail(base($_[0])) },
	place => \&place,
	aside => \&put_aside,
	all => \&move_all,
	in => \&move_in,
);
$verbs{$what}->(@words);
