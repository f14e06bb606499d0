# The first two packets of an SCTP association (RFC 9260) by a raw socket: kernels without SCTP sockets lead its packets, too.
#
#     sctp.pl serve PORT NAME          answers INIT with INIT ACK, in which the name stands
#     sctp.pl begin ADDRESS PORT       sends INIT; prints the name of who answers from ADDRESS and PORT, checksum checked
use strict;
use warnings;
use Socket;

my ($mode, $first, $second) = @ARGV;
my ($INIT, $INIT_ACK, $OUR_PORT, $OUR_TAG, $THEIR_TAG) = (1, 2, 4242, 0x11111111, 0x22222222);

my @table = map { my $c = $_; $c = $c & 1 ? ($c >> 1) ^ 0x82F63B78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;

sub checksum {
  my $c = 0xFFFFFFFF;
  $c = $table[($c ^ $_) & 255] ^ ($c >> 8) for unpack 'C*', shift;
  return pack 'V', $c ^ 0xFFFFFFFF;
}

sub packet {
  my ($from, $to, $tag, $type, $own, $text) = @_;
  my $chunk = pack('CCnNNnnN', $type, 0, 20 + length $text, $own, 65536, 1, 1, 1) . $text;
  my $bytes = pack('nnNN', $from, $to, $tag, 0) . $chunk;
  substr($bytes, 8, 4) = checksum($bytes);
  return $bytes;
}

# From, to, type and text of a received packet; nothing for one whose checksum is wrong.
sub parse {
  my $bytes = substr $_[0], (ord($_[0]) & 15) * 4;
  my $sum = substr $bytes, 8, 4, "\0\0\0\0";
  return if $sum ne checksum($bytes);
  return (unpack('nn', $bytes), ord(substr $bytes, 12, 1), substr $bytes, 32);
}

socket my $socket, AF_INET, SOCK_RAW, 132 or die "no raw socket: $!";
if ($mode eq 'serve') {
  while (my $peer = recv $socket, my $bytes, 2000, 0) {
    my ($from, $to, $type) = parse($bytes) or next;
    next if $to != $first || $type != $INIT;
    send $socket, packet($to, $from, $OUR_TAG, $INIT_ACK, $THEIR_TAG, $second), 0, $peer;
  }
} else {
  send $socket, packet($OUR_PORT, $second, 0, $INIT, $OUR_TAG, ''), 0, pack_sockaddr_in(0, inet_aton($first));
  alarm 2;
  while (my $peer = recv $socket, my $bytes, 2000, 0) {
    my (undef, $host) = unpack_sockaddr_in($peer);
    my ($from, $to, $type, $text) = parse($bytes) or next;
    next if inet_ntoa($host) ne $first || $from != $second || $type != $INIT_ACK;
    print "$text\n";
    exit;
  }
}
