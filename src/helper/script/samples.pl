# Writes a tar archive of little entries, each of which needs one thing of the file system that it is extracted to.
# The arguments are owners, as UID:GID. Uses no module.

my $MTIME = 981173106;
my $FRACTION = '.123456789';

sub pax {
	my ($key, $value) = @_;
	my $rest = " $key=$value\n";
	my $length = length($rest) + 1;
	$length++ while length($length) + length($rest) > $length;
	return $length . $rest;
}

sub header {
	my ($name, $type, %given) = @_;
	my %with = (mode => 0600, size => 0, link => '', %given);
	my $block = pack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155 a12',
		$name, sprintf('%07o', $with{mode}), '0000000', '0000000', sprintf('%011o', $with{size}),
		sprintf('%011o', $MTIME), ' ' x 8, $type, $with{link}, "ustar\0", '00', '', '', '0000001', '0000003', '', '';
	substr $block, 148, 8, sprintf "%06o\0 ", unpack '%32C*', $block;
	return $block;
}

sub entry {
	my ($name, $type, %with) = @_;
	my %records = (mtime => $MTIME . $FRACTION, %{ $with{pax} || {} });
	my $extended = join '', map { pax($_, $records{$_}) } sort keys %records;
	print header('pax', 'x', size => length $extended), pack_blocks($extended);
	my $data = $type eq '0' ? "probe\n" : '';
	print header($name, $type, %with, size => length $data), pack_blocks($data);
}

sub pack_blocks {
	return $_[0] . "\0" x (-length($_[0]) % 512);
}

entry('mode', '0', mode => 0741);
entry('attributes', '0', pax => { 'SCHILY.xattr.user.dockform' => 'probe' });
entry('acl', '0', pax => { 'SCHILY.acl.access' => "user::rw-\nuser:12345:r--\ngroup::r--\nmask::r--\nother::---" });
# Some file systems set time and owner of what a link points to.
entry('symlink', '2', link => 'nowhere');
entry('hardlink', '1', link => 'mode');
entry('device', '3');
entry('fifo', '6');
my $number = 0;
for my $owner (@ARGV) {
	my ($uid, $gid) = split /:/, $owner;
	entry('owner-' . $number++, '0', pax => { uid => $uid, gid => $gid });
}
print "\0" x 1024;
