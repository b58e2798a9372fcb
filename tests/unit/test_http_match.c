/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes: which host and which path a request is for (R19). */
#include "core/http_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

static const struct {
	const char *path, *plain;
} paths[] = {
	{"",		   "/"		 },
	{"/",		  "/"		 },
	{"/ews",               "/ews"              },
	{"/ews/Exchange.asmx", "/ews/Exchange.asmx"},
	{"/a.b/.c",            "/a.b/.c"           },
	{"/..a/b..",           "/..a/b.."          },
	{"/%65ws",             "/ews"              },
	{"/%45%57%53",         "/EWS"              },
	{"/x/../ews",          "/ews"              },
	{"/x/%2e%2E/ews",      "/ews"              },
	{"/x%2f..%2Fews",      "/ews"              },
	{"/x/..%5cews",        "/ews"              },
	{"/x\\..\\ews",        "/ews"              },
	{"//ews",              "/ews"              },
	{"///x//.//..//ews//", "/ews/"             },
	{"/./ews",             "/ews"              },
	{"/../../ews",         "/ews"              },
	{"/ews/.",             "/ews/"             },
	{"/ews/./",            "/ews/"             },
	{"/ews/x/..",          "/ews/"             },
	{"/ews/..",            "/"                 },
	{"/..",		"/"                 },
	{"/a/b/c/./../../g",   "/a/g"              },
 /* Only once, and only what prints. */
	{"/%2565ws",           "/%65ws"            },
	{"/%00ews",            "/%00ews"           },
	{"/%20",               "/%20"              },
	{"/%c3%a4",            "/%c3%a4"           },
	{"/%7f",               "/%7f"              },
	{"/%6",		"/%6"               },
	{"/%",		 "/%"                },
	{"/%6g",               "/%6g"              },
	{"/%g6",               "/%g6"              },
	{"/a%3fb",             "/a?b"              },
};

static void a_path_is_what_a_server_makes_of_it(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
		size_t len = strlen(paths[i].path);
		char *path = malloc(len + 1), *room = malloc(len ? len : 1);
		struct slice plain;

		memcpy(path, paths[i].path, len);
		plain = http_path_plain((struct slice){path, len}, room);
		if (plain.len != strlen(paths[i].plain))
			print_error("%s: %.*s\n", paths[i].path, (int)plain.len, plain.at);
		assert_int_equal(plain.len, strlen(paths[i].plain));
		assert_memory_equal(plain.at, paths[i].plain, plain.len);
		assert_memory_equal(path, paths[i].path, len);
		free(path);
		free(room);
	}
}

static const struct {
	const char *path, *route;
	bool matches;
} routes[] = {
	{"/ews",			 "/ews",			 true },
	{"/EWS/x",		       "/ews",                         true },
	{"/ews/",			"/Ews",                         true },
	{"/ews",			 "/ews/",                        true },
	{"/ews/x",		       "/ews/",                        true },
	{"/ewsx",			"/ews",                         false},
	{"/ewsx",			"/ews/",                        false},
	{"/ew",			  "/ews",			 false},
	{"/x/ews",		       "/ews",                         false},
	{"/",			    "/ews",			 false},
	{"/x/../ews/y",                  "/ews",                         true },
	{"/ews/../owa",                  "/ews",                         false},
	{"/%65ws",		       "/ews",                         true },
	{"/ews%2fx",		     "/ews",                         true },
	{"/ews;v=1",		     "/ews",                         false},
	{"/anything",                    "/",			    true },
	{"",			     "/",			    true },
	{"/a",			   "",			     true },
	{"/Microsoft-Server-ActiveSync", "/microsoft-server-activesync", true },
};

static void a_route_matches_whole_segments_in_any_case(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		char room[64];
		struct slice plain = http_path_plain(slice_of(routes[i].path), room);

		assert_int_equal(http_path_matches(plain, slice_of(routes[i].route)),
				 routes[i].matches);
	}
}

static void a_host_matches_in_any_case_and_whole(void **state)
{
	static const struct {
		const char *host, *route;
		bool matches;
	} hosts[] = {
		{"mail.example.com",   "mail.example.com", true },
		{"MAIL.Example.com",   "mail.example.COM", true },
		{"mail.example.com.",  "mail.example.com", true },
		{"mail.example.com..", "mail.example.com", false},
		{"xmail.example.com",  "mail.example.com", false},
		{"mail.example.co",    "mail.example.com", false},
		{"",                   "mail.example.com", false},
		{"[2001:DB8::1]",      "[2001:db8::1]",    true },
	};

	for (size_t i = 0; i < ARRAY_COUNT(hosts); i++)
		assert_int_equal(
			http_host_matches(slice_of(hosts[i].host), slice_of(hosts[i].route)),
			hosts[i].matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_what_a_server_makes_of_it),
		cmocka_unit_test(a_route_matches_whole_segments_in_any_case),
		cmocka_unit_test(a_host_matches_in_any_case_and_whole),
	};

	return cmocka_run_group_tests_name("http_match", tests, NULL, NULL);
}
