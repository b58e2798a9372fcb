/* SPDX-License-Identifier: GPL-2.0-only */
/* What two readers could take for two different things (F16): refused for the reason that the row
 * names, or taken as the messages that everybody would see. Each row is read whole, byte by byte,
 * and cut in two at every place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "http_reader.h"

#define BYTES(text) text, sizeof(text) - 1
#define GET         "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST        "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED     POST "Transfer-Encoding: chunked\r\n\r\n"
#define SECOND      "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"

static const char bad_length[] = "malformed Content-Length";
static const char two_lengths[] = "more than one Content-Length";
static const char both[] = "both Content-Length and Transfer-Encoding";
static const char coding[] = "Transfer-Encoding other than chunked";
static const char two_codings[] = "more than one Transfer-Encoding";
static const char bare_lf[] = "line feed without carriage return";
static const char bare_cr[] = "carriage return without line feed";
static const char control[] = "control character in a field";
static const char bad_name[] = "malformed field name";
static const char blank[] = "blank before the colon";
static const char folded[] = "folded field line";
static const char bad_host[] = "malformed Host";
static const char bad_target_host[] = "bad host in the request target";
static const char bad_target[] = "malformed request target";
static const char bad_target_byte[] = "bad byte in the request target";
static const char bad_version[] = "malformed HTTP version";
static const char no_version[] = "no HTTP version";
static const char other_version[] = "not HTTP/1.0 or HTTP/1.1";
static const char vital[] = "Connection names a vital field";
static const char bad_chunk[] = "broken chunked coding";
static const char bad_trailer[] = "malformed trailer";
static const char forbidden[] = "forbidden field in a trailer";

/* clang-format off */
static const struct row {
	const char *bytes;
	size_t len;
	unsigned int refused; /* the status; 0: messages are whole messages */
	const char *why;
	unsigned int messages;
} rows[] = {
	/* Both framings, in either order and dress. */
	{BYTES(POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
	 "\r\n" SECOND), 400, both, 0},
	{BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n"
	 "\r\n" SECOND), 400, both, 0},
	{BYTES(POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	 400, both, 0},
	{BYTES(POST "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
	 400, both, 0},
	{BYTES(POST "CONTENT-LENGTH: 4\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n"),
	 400, both, 0},
	{BYTES(GET "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 40\r\n\r\n0\r\n\r\n"),
	 400, both, 0},
	/* Content-Length. */
	{BYTES(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), 400, two_lengths, 0},
	{BYTES(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 400, two_lengths, 0},
	{BYTES(POST "Content-Length: 0\r\nContent-Length: 32\r\n\r\n" SECOND), 400, two_lengths, 0},
	{BYTES(POST "Content-Length: 5\r\ncontent-length: 0\r\n\r\nhello"), 400, two_lengths, 0},
	{BYTES(POST "Content-Length: 5, 5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5,6\r\n\r\nhello!"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5,\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: ,5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: +5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: -5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: -0\r\n\r\n"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 0x5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5.0\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5e0\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5;\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5 5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5a\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: \"5\"\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 1_0\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: \xd9\xa5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: chunked\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length:\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: \t \r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 18446744073709551616\r\n\r\n"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 18446744073709551621\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length: 5\r\n 0\r\n\r\nhello"), 400, folded, 0},
	{BYTES(POST "Content-Length:\r\n 5\r\n\r\nhello"), 400, bad_length, 0},
	{BYTES(POST "Content-Length : 5\r\n\r\nhello"), 400, blank, 0},
	{BYTES(POST "Content-Length\t: 5\r\n\r\nhello"), 400, blank, 0},
	{BYTES(POST "Content-Length\v: 5\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST " Content-Length: 5\r\n\r\nhello"), 400, folded, 0},
	{BYTES(POST "\tContent-Length: 5\r\n\r\nhello"), 400, folded, 0},
	{BYTES(POST "Content-Length: 5\v\r\n\r\nhello"), 400, control, 0},
	{BYTES(POST "Content-Length: 5\0\r\n\r\nhello"), 400, control, 0},
	{BYTES(POST "Content-Length: \0005\r\n\r\nhello"), 400, control, 0},
	{BYTES(POST "Content-\0Length: 5\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST "Content-Length\0: 5\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST "Content Length: 5\r\n\r\nhello"), 400, blank, 0},
	{BYTES(POST "Content-Length; 5\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST "Content-Length=5\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST "Content-Length\r\n\r\nhello"), 400, bad_name, 0},
	{BYTES(POST "Content\xa0Length: 5\r\n\r\nhello"), 400, bad_name, 0},
	/* Transfer-Encoding. */
	{BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: identity\r\n\r\n" SECOND), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: cow\r\n\r\n" SECOND), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: 'chunked'\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked;\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunked chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chunk\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: chun\xc5\xbf" "ed\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding: \xff" "chunked\r\n\r\n0\r\n\r\n"), 501, coding, 0},
	{BYTES(POST "Transfer-Encoding:\r\n\r\n" SECOND), 400, "empty Transfer-Encoding", 0},
	{BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	 400, two_codings, 0},
	{BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n0\r\n\r\n"),
	 400, two_codings, 0},
	{BYTES(POST "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	 501, coding, 0},
	{BYTES(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400, blank, 0},
	{BYTES(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"), 400, blank, 0},
	{BYTES(POST " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, folded, 0},
	{BYTES(POST "X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, folded, 0},
	{BYTES(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n"
	 "\r\n"), 400, "empty Transfer-Encoding",
	 0},
	{BYTES(POST "Transfer-Encoding:\v" "chunked\r\n\r\n0\r\n\r\n"), 400, control, 0},
	{BYTES(POST "Transfer-Encoding: chunked\f\r\n\r\n0\r\n\r\n"), 400, control, 0},
	{BYTES(POST "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n"), 400, control, 0},
	{BYTES(POST "Transfer-Encoding: \x7f" "chunked\r\n\r\n0\r\n\r\n"), 400, control, 0},
	{BYTES(POST "X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(POST "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, bare_lf, 0},
	{BYTES(POST "Transfer-Encoding: chunked\r\r\n\r\n0\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(POST "Transfer_Encoding: chunked\r\n\r\n"), 0, NULL, 1},
	{BYTES("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	 400, "Transfer-Encoding in HTTP/1.0", 0},
	{BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
	 "0\r\n\r\n"),
	 400, "Transfer-Encoding in HTTP/1.0", 0},
	/* Line ends and the end of the head. */
	{BYTES("GET / HTTP/1.1\nHost: a\n\n"), 400, bare_lf, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400, bare_lf, 0},
	{BYTES(GET "\n" SECOND), 400, bare_lf, 0},
	{BYTES(GET "X: y\n\n" SECOND), 400, bare_lf, 0},
	{BYTES(GET "X: y\r\n\n"), 400, bare_lf, 0},
	{BYTES(GET "\rX: y\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(GET "X: y\rz\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(GET "X: \ry\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(GET "\r\r\n\r\n"), 400, bare_cr, 0},
	{BYTES(GET "X: y\r\r\n\r\n"), 400, bare_cr, 0},
	{BYTES("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / HTTP/1.1\rHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("\n" SECOND), 400, "no method", 0},
	{BYTES("\r" SECOND), 400, bare_cr, 0},
	{BYTES("\r\n\r\n" SECOND), 400, "more than one empty line", 0},
	{BYTES(" " SECOND), 400, "no method", 0},
	{BYTES("\0" SECOND), 400, "no method", 0},
	{BYTES(GET "X: a\0b\r\n\r\n"), 400, control, 0},
	{BYTES(GET "X: a\x01" "b\r\n\r\n"), 400, control, 0},
	{BYTES(GET "X: a\x1f\r\n\r\n"), 400, control, 0},
	{BYTES(GET "X: a\x7f\r\n\r\n"), 400, control, 0},
	{BYTES(GET "X: a\r\n b\r\n\r\n"), 400, folded, 0},
	{BYTES(GET ": empty\r\n\r\n"), 400, "empty field name", 0},
	{BYTES(GET "no colon\r\n\r\n"), 400, blank, 0},
	{BYTES(GET "nocolon\r\n\r\n"), 400, bad_name, 0},
	{BYTES(GET "X(y): z\r\n\r\n"), 400, bad_name, 0},
	{BYTES(GET "\"X\": z\r\n\r\n"), 400, "a field line begins with a bad byte", 0},
	{BYTES(GET "X\xe9: z\r\n\r\n"), 400, bad_name, 0},
	{BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400, folded, 0},
	/* The request line. */
	{BYTES("GET /\r\n\r\n"), 400, no_version, 0},
	{BYTES("GET\r\n\r\n"), 400, "malformed method", 0},
	{BYTES("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "no request target", 0},
	{BYTES("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed method", 0},
	{BYTES("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_byte, 0},
	{BYTES("GET / HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_byte, 0},
	{BYTES("GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_byte, 0},
	{BYTES("GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_byte, 0},
	{BYTES("GET /\rX HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_byte, 0},
	{BYTES("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "fragment in the request target", 0},
	{BYTES("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target, 0},
	{BYTES("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "\"*\" is for OPTIONS only", 0},
	{BYTES("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target, 0},
	{BYTES("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "CONNECT needs host:port", 0},
	{BYTES("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "CONNECT needs host:port", 0},
	{BYTES("CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 32\r\n"
	 "\r\n" SECOND), 400, "CONNECT with a body", 0},
	{BYTES("CONNECT a:80 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
	 400, "CONNECT with a body", 0},
	{BYTES("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed method", 0},
	{BYTES("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed method", 0},
	{BYTES("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505, other_version, 0},
	{BYTES("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505, other_version, 0},
	{BYTES("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505, other_version, 0},
	{BYTES("GET / HTTP/2\r\nHost: a\r\n\r\n"), 505, other_version, 0},
	{BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, other_version, 0},
	{BYTES("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / HTTP/11\r\nHost: a\r\n\r\n"), 505, other_version, 0},
	{BYTES("GET / http/1.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / HTTP /1.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / HTTP/x.1\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	{BYTES("GET / ICAP/1.0\r\nHost: a\r\n\r\n"), 400, bad_version, 0},
	/* Host. */
	{BYTES("GET / HTTP/1.1\r\n\r\n"), 400, "no Host", 0},
	{BYTES("GET http://a/ HTTP/1.1\r\n\r\n"), 400, "no Host", 0},
	{BYTES(GET "Host: b\r\n\r\n"), 400, "more than one Host", 0},
	{BYTES(GET "host: a\r\n\r\n"), 400, "more than one Host", 0},
	{BYTES("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400, "more than one Host", 0},
	{BYTES("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a%00\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: []\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: [::1}\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n"), 400, bad_host, 0},
	{BYTES("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_host, 0},
	{BYTES("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_host, 0},
	{BYTES("GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target_host, 0},
	{BYTES("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target, 0},
	{BYTES("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n"), 400, bad_target, 0},
	/* Connection that takes the framing away from the next reader. */
	{BYTES(POST "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello"), 400, vital, 0},
	{BYTES(POST "Connection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n"
	 "\r\n0\r\n\r\n"), 400, vital, 0},
	{BYTES(GET "Connection: keep-alive ,\tHOST\r\n\r\n"), 400, vital, 0},
	/* Chunks. */
	{BYTES(CHUNKED "0\n\n" SECOND), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0\r\n\n" SECOND), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\n\r\n" SECOND), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0\r\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0\r\n\r" "X"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "+5\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "-1\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\t\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\0\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5_0\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED ";x\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "g\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5,5\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\r\nhelloX\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\r\nhello0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5\r\nhell\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "8000000000000000\r\n"), 400, "chunk size too large", 0},
	{BYTES(CHUNKED "ffffffffffffffff\r\n"), 400, "chunk size too large", 0},
	{BYTES(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400, "chunk size too large", 0},
	{BYTES(CHUNKED "00000000000000005\r\nhello\r\n0\r\n\r\n"), 400, "chunk size too large", 0},
	{BYTES(CHUNKED "5;\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5; a\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5 ;a\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a=\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;=b\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a b\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a\n0\r\n\r\n" SECOND), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a=\"b\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a=\"b\\\r\n\"\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a=\"\0\"\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	/* Trailers. */
	{BYTES(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\ntransfer-encoding: chunked\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\nX: y\r\nHost: b\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\nAuthorization: NTLM x\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\nCookie: a=b\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"), 400, forbidden, 0},
	{BYTES(CHUNKED "0\r\nX : y\r\n\r\n"), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\r\n X: y\r\n\r\n"), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\r\nX: y\r\n z\r\n\r\n"), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\r\nX: y\n\r\n"), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\r\nX: y\rz\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0\r\nX: \0\r\n\r\n"), 400, bad_trailer, 0},
	{BYTES(CHUNKED "0\r\n: y\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "0\r\n" SECOND), 400, bad_trailer, 0},
	/* And what everybody reads alike. */
	{BYTES(GET "\r\n"), 0, NULL, 1},
	{BYTES(GET "\r\n" SECOND), 0, NULL, 2},
	{BYTES("\r\n" GET "\r\n"), 0, NULL, 1},
	{BYTES(GET "\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(POST "Content-Length: 32\r\n\r\n" SECOND), 0, NULL, 1},
	{BYTES(POST "Content-Length:32\t \r\n\r\n" SECOND), 0, NULL, 1},
	{BYTES(POST "Content-Length: 0000000032\r\n\r\n" SECOND), 0, NULL, 1},
	{BYTES(POST "Content-Length: 0\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(POST "\r\n" SECOND), 0, NULL, 2},
	{BYTES(POST "Content-Length: 9223372036854775807\r\n\r\n" SECOND), 0, NULL, 0},
	{BYTES(CHUNKED "0\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(CHUNKED "20\r\n" SECOND "\r\n0\r\n\r\n"), 0, NULL, 1},
	{BYTES(CHUNKED "0000000000000020\r\n" SECOND "\r\n000\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(CHUNKED "7fffffffffffffff\r\n" SECOND), 0, NULL, 0},
	{BYTES(CHUNKED "5;a;b=c;d=\"e;\\\" \r\"\r\nhello\r\n0\r\n\r\n"), 400, bad_chunk, 0},
	{BYTES(CHUNKED "5;a;b=c;d=\"e;\\\" \t\";f\r\nhello\r\n0;x\r\n\r\n"), 0, NULL, 1},
	{BYTES(CHUNKED "0\r\nX-Checksum: abc\r\nEmpty:\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(CHUNKED "0\r\nContent-Length-X: 5\r\nHos: a\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES(POST "Transfer-Encoding:\tChunked \r\n\r\n0\r\n\r\n" SECOND), 0, NULL, 2},
	{BYTES("GET / HTTP/1.0\r\n\r\n"), 0, NULL, 1},
	{BYTES("RPC_IN_DATA /rpc/rpcproxy.dll?a:6002 HTTP/1.1\r\nHost: a\r\n"
	 "Content-Length: 1073741824\r\n\r\n" SECOND), 0, NULL, 0},
	{BYTES("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0, NULL, 1},
	{BYTES("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 0, NULL, 1},
	{BYTES("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), 0, NULL, 1},
	{BYTES("GET /a?b=[c]{d}|\"e\"^`<f>\\ HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"),
	 0, NULL, 1},
	{BYTES(GET "X:\r\nY: \xe4\t\xff \r\n\r\n"), 0, NULL, 1},
	{BYTES(GET "Connection: close, X-Other, , te\r\n\r\n"), 0, NULL, 1},
	/* More is needed. */
	{BYTES(""), 0, NULL, 0},
	{BYTES("\r"), 0, NULL, 0},
	{BYTES("\r\n"), 0, NULL, 0},
	{BYTES("G"), 0, NULL, 0},
	{BYTES(GET), 0, NULL, 0},
	{BYTES(GET "\r"), 0, NULL, 0},
	{BYTES(CHUNKED "5\r\nhel"), 0, NULL, 0},
	{BYTES(CHUNKED "0\r\n\r"), 0, NULL, 0},
	{BYTES(CHUNKED "0\r\nX"), 0, NULL, 0},
};
/* clang-format on */

/* Returns how many rows are wrong: 0 or 1. */
static int check(const struct row *row, const struct reader *r, size_t cut)
{
	const char *why = r->why ? r->why : "", *expected = row->why ? row->why : "";

	if (r->refused == row->refused && r->messages == row->messages && !strcmp(why, expected))
		return 0;
	print_error("\"%s\" cut at %zu: %u messages, %u %s\n", row->bytes, cut, r->messages,
		    r->refused, why);
	return 1;
}

static void a_stream_read_whole_is_refused_or_seen_as_everybody_sees_it(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reader r = {};

		reader_feed(&r, rows[i].bytes, rows[i].len);
		wrong += check(&rows[i], &r, rows[i].len);
	}
	assert_int_equal(wrong, 0);
}

static void a_stream_means_the_same_cut_in_two_at_any_place(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t cut = 0; cut < rows[i].len; cut++) {
			struct reader r = {};

			reader_feed(&r, rows[i].bytes, cut);
			reader_feed(&r, rows[i].bytes, rows[i].len);
			wrong += check(&rows[i], &r, cut);
		}
	}
	assert_int_equal(wrong, 0);
}

static void a_stream_means_the_same_byte_by_byte(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct reader r = {};

		for (size_t have = 1; have <= rows[i].len; have++)
			reader_feed(&r, rows[i].bytes, have);
		wrong += check(&rows[i], &r, 1);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_read_whole_is_refused_or_seen_as_everybody_sees_it),
		cmocka_unit_test(a_stream_means_the_same_cut_in_two_at_any_place),
		cmocka_unit_test(a_stream_means_the_same_byte_by_byte),
	};

	return cmocka_run_group_tests_name("http_smuggling", tests, NULL, NULL);
}
