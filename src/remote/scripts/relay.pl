use Socket;
socket(S, PF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
connect(S, sockaddr_un($ARGV[0])) or die "connect to $ARGV[0]: $!\n";
syswrite STDOUT, "ok\n";
sub relay {
  my ($from, $to) = @_;
  while (my $n = sysread $from, my $bytes, 65536) {
    for (my $done = 0; $done < $n;) {
      my $w = syswrite $to, $bytes, $n - $done, $done;
      defined $w or return;
      $done += $w;
    }
  }
}
defined(my $child = fork) or die "fork: $!\n";
if (!$child) { relay(*STDIN, *S); shutdown S, 1; exit }
relay(*S, *STDOUT);
kill 9, $child;
