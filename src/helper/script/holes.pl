# perl -e PROGRAM FOLDER WHEN [TYPE]: looks for files that tar --sparse would store as zeros without a word. It takes a file
# without blocks for one hole, though some file systems leave blocks out; and where SEEK_HOLE tells nothing of a file
# with few blocks, or fails, it reads the file for zeros and takes a read error for the end.
#
# first   answers whether tar may look for holes at all, "sparse" or "full", or that a file cannot be read: "failed".
#         Where TYPE, of the file system, may be FUSE, that is looked at now: what was once read to an early end has
#         that size for a while, and then looks whole.
# beside  runs while tar looks for holes: what tar cannot store is said in lines that begin with "check: ". In the
#         end it says what there is to archive, from which the client tells how far tar is.
#
# Only the perl program itself is in the image: no modules.

my ($folder, $when, $type) = @ARGV;
my $reads = $when eq 'beside' || $type !~ /^(?:zfs|nfs|cifs|smb|overlay)/;
my $failures = 0;
my ($SEEK_DATA, $SEEK_HOLE) = (3, 4);
my $ENXIO = 6;
# A file that was touched since then changed while it was archived; times of file systems may be coarse.
my $start = time - 2;
my ($bytes, $bytes_in_full, $entries, $with_holes, $hole_bytes) = (0, 0, 0, 0, 0);
my ($without_blocks, $first_with_holes);
my %seen;

my @folders = ($folder);
while (defined(my $inside = pop @folders)) {
    opendir my $listing, $inside or next;
    for my $name (readdir $listing) {
        next if $name eq '.' || $name eq '..';
        next if $inside eq $folder && $name =~ /^$ENV{reserved_name}$/;
        look_at("$inside/$name");
    }
}
my $choice = defined $without_blocks || !$with_holes ? 'full' : 'sparse';
if ($entries) {
    inform(sprintf 'expected %.0f %d', $when eq 'first' && $choice eq 'full' ? $bytes_in_full : $bytes, $entries + 1);
}
if ($when eq 'first') {
    inform("filled $with_holes $hole_bytes " . shown($first_with_holes)) if $choice eq 'full' && $with_holes;
    print $failures ? "failed\n" : "$choice\n";
}

sub look_at {
    my ($path) = @_;
    my @found = lstat $path or return;
    $entries++;
    if (-d _) { push @folders, $path }
    $bytes += 1536;
    $bytes_in_full += 1536;
    return if !-f _;
    my ($links, $size, $blocks) = @found[3, 7, 12];
    my $held = ($blocks || 0) * 512;
    # Of several names, one has the data in the archive.
    $bytes += ($held < $size ? $held : $size + -$size % 512) / $links;
    $bytes_in_full += ($size + -$size % 512) / $links;
    # The same bounds as tar's.
    return if $size < 512 || $held >= $size || $links > 1 && $seen{"$found[0] $found[1]"}++;
    look_for_holes($path, $size, $held);
}

sub look_for_holes {
    my ($path, $size, $held) = @_;
    my $file;
    if (!sysopen $file, $path, 2048) { # O_NONBLOCK: it may be a pipe by now
        return;
    }
    my ($data, $error) = bytes_of_data($file, $size);
    if ($error) { failed($path, "look for its holes: $error"); return }
    if ($held || !$data) {
        $with_holes++;
        $hole_bytes += $size - ($data >= 0 ? $data : $held);
        $first_with_holes = $path if !defined $first_with_holes;
        return if $data >= 0 || !$reads;
    }
    # Only the content tells.
    ($data, $error) = holds_data($file, $size, $held);
    if ($error) { failed($path, "read: $error"); return }
    return if $held || !$data || (stat $file)[12];
    $without_blocks = $path if !defined $without_blocks;
    failed($path, 'store it: it holds data, but its file system counts no blocks of it') if $when eq 'beside';
}

# How much of a file is data by what its file system says; -1 where it says nothing of holes.
sub bytes_of_data {
    my ($file, $size) = @_;
    my $data = 0;
    for (my $at = 0; $at < $size;) {
        my $from = sysseek $file, $at, $SEEK_DATA;
        if (!defined $from) { return $! + 0 == $ENXIO ? $data : (-1, $at ? "$!" : '') }
        my $to = sysseek $file, $from, $SEEK_HOLE;
        if (!defined $to) { return (-1, "$!") }
        return -1 if $from == 0 && $to >= $size;
        $data += $to - $from;
        $at = $to;
    }
    return $data;
}

# Whether there is anything but zeros in as many bytes as there were. To the end where tar reads it to the end.
sub holds_data {
    my ($file, $size, $to_the_end) = @_;
    sysseek $file, 0, 0;
    my ($buffer, $data) = ('', 0);
    for (my $at = 0; $at < $size;) {
        my $read = sysread $file, $buffer, 1 << 20;
        return (0, "$! after $at bytes") if !defined $read;
        if ($read == 0) {
            my ($modified, $changed) = (stat $file)[9, 10];
            last if $modified >= $start || $changed >= $start;
            # FUSE takes what its server could not read for the end.
            return (0, 'it ended early, though nothing has changed it');
        }
        $at += $read;
        $data ||= $buffer =~ tr/\0//c;
        last if $data && !$to_the_end;
    }
    return $data;
}

sub failed {
    my ($path, $what) = @_;
    $failures++;
    write_line('check: ' . shown($path) . ": Cannot $what");
}

sub inform { write_line("$ENV{DOCKFORM_MARK} $_[0]") }

# In one piece: others write there, too.
sub write_line { syswrite STDERR, "$_[0]\n" }

sub shown {
    my $name = substr $_[0], length($folder) + 1;
    $name =~ s/([\\\n])/sprintf '\\%03o', ord $1/ge;
    return $name;
}
