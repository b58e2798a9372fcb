/* SPDX-License-Identifier: GPL-2.0-only */
/* Words that values may be, and what makes a text wrong. */
#include <string.h>

#include "base/alloc.h"
#include "core/config_value.h"
#include "core/schema_parts.h"

static const char *word_of(const char *const *words, size_t count, uint32_t value)
{
	return value < count ? words[value] : NULL;
}

const char *word_mode(uint32_t value)
{
	return value < MODE_COUNT ? mode_name((enum service_mode)value) : NULL;
}

const char *word_scheduler(uint32_t value)
{
	return value < SCHEDULER_COUNT ? scheduler_name((enum scheduler)value) : NULL;
}

const char *word_on_miss(uint32_t value)
{
	return value <= LB_ON_MISS_DROP ? on_miss_name((enum lb_on_miss)value) : NULL;
}

const char *word_on_down(uint32_t value)
{
	return value <= ON_DOWN_RESET ? on_down_name((enum on_down)value) : NULL;
}

const char *word_check_type(uint32_t value)
{
	return value < CHECK_TYPE_COUNT ? check_type_name((enum check_type)value) : NULL;
}

const char *word_protocol(uint32_t value)
{
	return value == IPPROTO_TCP || value == IPPROTO_UDP ? protocol_name((uint8_t)value) : NULL;
}

const char *word_proxy_header(uint32_t value)
{
	return value <= PROXY_HEADER_V2 ? proxy_header_name((enum proxy_header)value) : NULL;
}

const char *word_xdp_mode(uint32_t value)
{
	static const char *const words[] = {[XDP_MODE_AUTO] = "auto",
					    [XDP_MODE_NATIVE] = "native",
					    [XDP_MODE_GENERIC] = "generic"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_on_stop(uint32_t value)
{
	static const char *const words[] = {[ON_STOP_LEAVE] = "leave", [ON_STOP_DETACH] = "detach"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_require(uint32_t value)
{
	static const char *const words[] = {[REQUIRE_ALL] = "all", [REQUIRE_ANY] = "any"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_via(uint32_t value)
{
	static const char *const words[] = {[VIA_RIP] = "rip", [VIA_VIP] = "vip"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_verify(uint32_t value)
{
	static const char *const words[] = {"none", "ca"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_on_off(uint32_t value)
{
	static const char *const words[] = {"off", "on"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_tls_oldest(uint32_t value)
{
	static const char *const words[] = {[TLS_OLDEST_1_2] = "1.2", [TLS_OLDEST_1_3] = "1.3"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_forwarded(uint32_t value)
{
	static const char *const words[] = {[PROXY_FORWARDED_OFF] = "off",
					    [PROXY_FORWARDED_APPEND] = "append",
					    [PROXY_FORWARDED_REPLACE] = "replace",
					    [PROXY_FORWARDED_KEEP] = "keep"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_same_site(uint32_t value)
{
	static const char *const words[] = {[PROXY_SAME_SITE_OFF] = "off",
					    [PROXY_SAME_SITE_NONE] = "none",
					    [PROXY_SAME_SITE_LAX] = "lax",
					    [PROXY_SAME_SITE_STRICT] = "strict"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *word_redirect(uint32_t value)
{
	static const char *const words[] = {[REDIRECT_HTTPS] = "https"};

	return word_of(words, ARRAY_COUNT(words), value);
}

/* The value is the status itself. */
const char *word_redirect_code(uint32_t value)
{
	static const char *const words[] = {
		[301] = "301", [302] = "302", [307] = "307", [308] = "308"};

	return word_of(words, ARRAY_COUNT(words), value);
}

const char *judge_line(const char *text)
{
	return value_is_printable(text, true) ? NULL : "holds control characters";
}

const char *judge_token(const char *text)
{
	return value_is_printable(text, false) ? NULL : "holds spaces or control characters";
}

const char *judge_file(const char *text)
{
	if (*text && *text != '/')
		return "is not an absolute path";
	return judge_line(text);
}

const char *judge_method(const char *text)
{
	if (!strcmp(text, "GET") || !strcmp(text, "HEAD") || !strcmp(text, "OPTIONS"))
		return NULL;
	return "is not GET, HEAD or OPTIONS";
}

/* "//" would name another host to a browser; what stands behind "?" is never looked at. */
const char *judge_path(const char *text)
{
	if (*text && (*text != '/' || text[1] == '/'))
		return "is not a path: it begins with one /";
	if (strpbrk(text, "?#\\"))
		return "is not a path: it holds one of ? # \\";
	return judge_token(text);
}

const char *judge_host(const char *text)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.-_~";

	return text[strspn(text, known)] ? "is not a host name (without a port)" : NULL;
}

const char *judge_cookie(const char *text)
{
	return !*text || value_is_token(text)
		       ? NULL
		       : "is not a cookie's name (letters, digits and !#$%&'*+-.^_`|~)";
}
