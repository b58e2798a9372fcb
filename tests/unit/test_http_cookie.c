/* SPDX-License-Identifier: GPL-2.0-only */
/* Cookies of persistence: found, taken out, made. */
#include "core/http_cookie.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

/* The name is LB; found NULL: there is none. */
static const struct row {
	const char *value, *found, *without;
} rows[] = {
	{"LB=x",		      "x",   ""             },
	{"LB=",		       "",    ""             },
	{"LB=\"x y\"",                "x y", ""             },
	{"LB=\"",		     "\"",  ""             },
	{"LB=a=b",		    "a=b", ""             },
	{"LB = x",		    "x",   ""             },
	{"LB\t=x ;",                  "x",   ""             },
	{";LB=x;",		    "x",   ""             },
	{"a=1; LB=x",                 "x",   "a=1"          },
	{"LB=x; a=1",                 "x",   "a=1"          },
	{"LB=x;a=1",                  "x",   "a=1"          },
	{"a=1;LB=x;b=2",              "x",   "a=1;b=2"      },
	{"a=1; LB=x; b=2",            "x",   "a=1; b=2"     },
	{"a=1 ; LB=x ; b=2",          "x",   "a=1 ; b=2"    },
	{"a=1;  LB=x;   b=2",         "x",   "a=1;   b=2"   },
	{"a=1 ;LB=x",                 "x",   "a=1"          },
	{"LB=x; LB=y",                "x",   ""             },
	{"a=1; LB=x; b=2; LB=y; c=3", "x",   "a=1; b=2; c=3"},
	{"a=LB=x; b=2",               NULL,  "a=LB=x; b=2"  },
	{"LBX=x",		     NULL,  "LBX=x"        },
	{"XLB=x",		     NULL,  "XLB=x"        },
	{"lb=x",		      NULL,  "lb=x"         },
	{"LB",			NULL,  "LB"           },
	{"=LB",		       NULL,  "=LB"          },
	{"a=1, LB=x",                 NULL,  "a=1, LB=x"    },
	{"a=\"1; LB=x",               "x",   "a=\"1"        },
	{"a=1;;b=2",                  NULL,  "a=1;b=2"      },
	{";",			 NULL,  ""             },
	{"",			  NULL,  ""             },
};

static bool find(const char *value, struct slice *found)
{
	struct http_head h = {
		.field_count = 3,
		.fields = {{slice_of("X"), slice_of("LB=no"), HTTP_NAME_OTHER},
			   {slice_of("Cookie"), slice_of("a=b"), HTTP_NAME_COOKIE},
			   {slice_of("cookie"), slice_of(value), HTTP_NAME_COOKIE}}
        };

	return http_cookie_find(&h, slice_of("LB"), found);
}

static void a_cookie_is_found_in_any_spacing(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct slice found;

		assert_int_equal(find(rows[i].value, &found), rows[i].found != NULL);
		if (!rows[i].found)
			continue;
		assert_int_equal(found.len, strlen(rows[i].found));
		assert_memory_equal(found.at, rows[i].found, found.len);
	}
}

static void a_cookie_is_taken_out_and_the_others_keep_their_bytes(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t len = strlen(rows[i].value), n;
		char *to = malloc(len ? len : 1);

		n = http_cookie_without(slice_of(rows[i].value), slice_of("LB"), to);
		if (n != strlen(rows[i].without))
			print_error("\"%s\": \"%.*s\"\n", rows[i].value, (int)n, to);
		assert_int_equal(n, strlen(rows[i].without));
		assert_memory_equal(to, rows[i].without, n);
		free(to);
	}
}

#define TEXT(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

static const struct {
	struct http_set_cookie cookie;
	const char *text;
} made[] = {
	{{TEXT("LBXDP"), TEXT("a1"), 0, 0, 0},                 "LBXDP=a1; Path=/"             },
	{{TEXT("LB"), TEXT(""), 0, 0, 0},                      "LB=; Path=/"                  },
	{{TEXT("LB"), TEXT("a"), 1, 0, 0},                     "LB=a; Path=/; Secure"         },
	{{TEXT("LB"), TEXT("a"), 0, 1, 0},                     "LB=a; Path=/; HttpOnly"       },
	{{TEXT("LB"), TEXT("a"), 1, 1, HTTP_SAME_SITE_NONE},
	 "LB=a; Path=/; Secure; HttpOnly; SameSite=None"                                      },
	{{TEXT("LB"), TEXT("a"), 0, 0, HTTP_SAME_SITE_LAX},    "LB=a; Path=/; SameSite=Lax"   },
	{{TEXT("LB"), TEXT("a"), 0, 0, HTTP_SAME_SITE_STRICT}, "LB=a; Path=/; SameSite=Strict"},
};

static void a_cookie_says_what_was_asked_for(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(made); i++) {
		char text[64];
		size_t len = strlen(made[i].text);

		assert_int_equal(http_set_cookie_text(&made[i].cookie, text, sizeof(text)), len);
		assert_memory_equal(text, made[i].text, len);
		assert_int_equal(http_set_cookie_text(&made[i].cookie, text, len), len);
		assert_int_equal(http_set_cookie_text(&made[i].cookie, text, len - 1), -ENOSPC);
		assert_int_equal(http_set_cookie_text(&made[i].cookie, text, 0), -ENOSPC);
	}
}

static void only_what_rfc_6265_allows_is_sound(void **state)
{
	static const struct {
		const char *name, *value;
		bool sound;
	} cases[] = {
		{"LB",  "a1-_.:/", true },
                {"LB",  "",        true },
                {"",    "a",       false},
		{"L B", "a",       false},
                {"L=B", "a",       false},
                {"LB",  "a b",     false},
		{"LB",  "a;b",     false},
                {"LB",  "a,b",     false},
                {"LB",  "a\"",     false},
		{"LB",  "a\\",     false},
                {"LB",  "\xe4",    false},
                {"LB",  "a\n",     false},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		assert_int_equal(
			http_cookie_is_sound(slice_of(cases[i].name), slice_of(cases[i].value)),
			cases[i].sound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cookie_is_found_in_any_spacing),
		cmocka_unit_test(a_cookie_is_taken_out_and_the_others_keep_their_bytes),
		cmocka_unit_test(a_cookie_says_what_was_asked_for),
		cmocka_unit_test(only_what_rfc_6265_allows_is_sound),
	};

	return cmocka_run_group_tests_name("http_cookie", tests, NULL, NULL);
}
