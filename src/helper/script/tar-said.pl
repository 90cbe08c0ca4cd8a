# perl -e PROGRAM FOLDER: hands on what tar says while it archives FOLDER, and looks at once at each file whose
# words tell of less than may have happened. tar calls it a file that shrank where reading failed within a record, a
# file that was removed where opening one that is there says that there is none, and a warning where attributes could
# not be read. What turns out to be a failure is said in a line that begins with "check: ".
#
# Only the perl program itself is in the image: no modules.

my ($folder) = @ARGV;
# A file that was touched since then changed while it was archived; times of file systems may be coarse.
my $start = time - 2;
my ($ENOENT, $ENOTDIR) = (2, 20);
my $searches_left = 20;
my %reads = (
    flistxattr => 'attributes', llistxattrat => 'attributes', fgetxattr => 'attributes', lgetxattrat => 'attributes',
    file_has_acl_at => 'ACL', acl_get_file_at => 'ACL', acl_to_text => 'ACL',
);
# Where there are no attributes, none are lost.
my $no_attributes = qr/Cannot (?:flistxattr|llistxattrat): Operation not supported$/;

while (my $line = <STDIN>) {
    chomp $line;
    next if $line =~ $no_attributes;
    if ($line =~ /^tar: (.*): Warning: Cannot (\w+): (.*)$/ && $reads{$2}) {
        judge_metadata($1, $reads{$2}, $3);
        next;
    }
    say_line($line);
    if ($line =~ /^tar: (.*): File shrank by \d+ bytes?; padding with zeros$/) { judge_shrunk($1) }
    elsif ($line =~ /^tar: (.*): File removed before we read it$/) { judge_removed($1) }
}
say_line("$ENV{DOCKFORM_MARK} listened 1");

# In one piece: others write there, too.
sub say_line { syswrite STDERR, "$_[0]\n" }

sub fail { say_line("check: $_[0]: Cannot $_[1]") }

# A name as tar writes it, with escapes.
sub path_of {
    my ($name) = @_;
    my %letters = (a => "\a", b => "\b", f => "\f", n => "\n", r => "\r", t => "\t", v => "\x0b");
    $name =~ s/\\([0-7]{3}|.)/length $1 == 3 ? chr oct $1 : exists $letters{$1} ? $letters{$1} : $1/ges;
    return "$folder/$name";
}

# Whether what lstat has just found was touched since the start.
sub touched { return $_[9] >= $start || $_[10] >= $start }

sub judge_shrunk {
    my ($name) = @_;
    my $path = path_of($name);
    my @found = lstat $path;
    # What is not there any more, or is something else now, did change.
    return if !@found ? gone() : !-f _;
    my $error = @found ? read_error($path, $found[7]) : "$!";
    return fail($name, "read: $error") if $error;
    @found = lstat $path;
    fail($name, 'read: it ended early, though nothing has changed it') if @found && !touched(@found);
}

sub gone { return $! + 0 == $ENOENT || $! + 0 == $ENOTDIR }

# Reads as many bytes as there were: a file that grows has no end.
sub read_error {
    my ($path, $size) = @_;
    sysopen my $file, $path, 0 or return gone() ? '' : "$!";
    my $buffer;
    for (my $at = 0; $at < $size;) {
        my $bytes = sysread $file, $buffer, 1 << 20;
        return "$! after $at bytes" if !defined $bytes;
        last if $bytes == 0;
        $at += $bytes;
    }
    return '';
}

sub judge_removed {
    my ($name) = @_;
    my $path = path_of($name);
    $path =~ s{/+$}{};
    my @found = lstat $path;
    if (!@found) {
        fail($name, "look at it: $!") if !gone();
        return;
    }
    return if touched(@found);
    # It may have come by the renaming of a folder that it is in.
    for (my $above = $path; $above =~ s{/[^/]*$}{} && length $above >= length $folder;) {
        return if touched(lstat $above);
    }
    fail($name, 'open: it is there, but opening it says that it is not');
}

# tar names only the last part of the path.
sub judge_metadata {
    my ($name, $what, $error) = @_;
    my $missing = $error eq 'No such file or directory';
    my @paths = $searches_left-- > 0 ? named($name) : ();
    # A file may be removed while it is looked at.
    return if $missing && $searches_left >= 0 && !grep { !touched(lstat $_) } @paths;
    my @names = map { substr $_, length($folder) + 1 } @paths > 3 ? @paths[0 .. 2] : @paths;
    s/([\\\n])/sprintf '\\%03o', ord $1/ge for @names;
    fail(@names ? join ' or ', @names : $name, "read its $what: $error");
}

# The paths that end in a name.
sub named {
    my ($name) = @_;
    my $wanted = substr path_of($name), length($folder) + 1;
    return $folder if $wanted eq '.';
    my @found;
    my @folders = ($folder);
    while (defined(my $inside = pop @folders)) {
        opendir my $listing, $inside or next;
        for my $entry (readdir $listing) {
            next if $entry eq '.' || $entry eq '..';
            my $path = "$inside/$entry";
            lstat $path or next;
            push @folders, $path if -d _;
            push @found, $path if $entry eq $wanted;
        }
    }
    return @found;
}
