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
