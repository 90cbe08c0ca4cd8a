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
