/* SPDX-License-Identifier: GPL-2.0-only */
#include "cli/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/line.h"
#include "cli/cli.h"

static int connect_to(const char *socket_path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(socket_path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int send_all(int fd, const struct buf *b)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t sent = send(fd, b->at + done, b->len - done, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		if (sent > 0)
			done += sent;
	}
	return 0;
}

int client_send(const char *socket_path, const char *const *words, size_t count)
{
	struct buf line = {};
	int err = 0, fd;

	for (size_t i = 0; i < count && !err; i++)
		err = line_add(&line, words[i]);
	if (!err && line.len > LINE_MAX_BYTES)
		err = -E2BIG;
	buf_puts(&line, "\n");
	fd = err ? err : connect_to(socket_path);
	if (fd >= 0)
		err = send_all(fd, &line);
	if (fd >= 0 && err) {
		close(fd);
		fd = err;
	}
	buf_free(&line);
	return fd;
}

int client_take_code(struct buf *reply)
{
	int code;

	if (reply->len < 2 || reply->at[0] < '0' || reply->at[0] > '2' || reply->at[1] != '\n')
		return -EPROTO;
	code = reply->at[0] - '0';
	buf_consume(reply, 2);
	return code;
}

int client_ask(const char *socket_path, const char *const *words, size_t count, struct buf *reply)
{
	int fd = client_send(socket_path, words, count);
	char part[65536];
	ssize_t got;

	if (fd < 0)
		return fd;
	while ((got = recv(fd, part, sizeof(part), 0)) > 0 || (got < 0 && errno == EINTR))
		if (got > 0)
			buf_append(reply, part, got);
	close(fd);
	return client_take_code(reply);
}

bool client_absent(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

int client_complain(const char *socket_path, int err)
{
	if (client_absent(err))
		return cli_fail(CLI_FAILED, "not running; start it with: lbxdp up");
	if (err == -EACCES || err == -EPERM)
		return cli_fail(CLI_FAILED,
				"%s: permission denied; run this as root or in the group lbxdp",
				socket_path);
	if (err == -EPROTO)
		return cli_fail(CLI_FAILED,
				"%s: the daemon went away while it answered; look at "
				"its log",
				socket_path);
	if (err == -EINVAL || err == -E2BIG)
		return cli_fail(CLI_USAGE, "an argument is too long or holds control characters");
	return cli_fail(CLI_FAILED, "%s: %s", socket_path, strerror(-err));
}

int client_relay(const char *socket_path, const char *const *words, size_t count)
{
	struct buf reply = {};
	int code = client_ask(socket_path, words, count, &reply);

	if (code < 0)
		code = client_complain(socket_path, code);
	else if (fwrite(buf_text(&reply), 1, reply.len, code ? stderr : stdout) != reply.len ||
		 fflush(code ? stderr : stdout))
		code = code ? code : CLI_FAILED;
	buf_free(&reply);
	return code;
}
