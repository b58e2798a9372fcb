# SPDX-License-Identifier: GPL-2.0-only
"""The rows of tests/unit/smuggling_rows.h, for the proxy as it runs."""

import os
from typing import NamedTuple

from .balancer import TOP
from .space import run

PRINTER = """
#include <stdio.h>
#include "smuggling_rows.h"
int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		printf("%u %u =", rows[i].refused, rows[i].messages);
		for (size_t j = 0; j < rows[i].len; j++)
			printf("%02x", (unsigned char)rows[i].bytes[j]);
		puts("");
	}
	return 0;
}
"""


class Row(NamedTuple):
    refused: int    # the status; 0: it is not
    messages: int   # whole ones that everybody sees
    data: bytes


def corpus(directory):
    """All rows; directory is for the printer."""
    program = os.path.join(directory, "rows")
    run("cc", "-w", f"-I{TOP}/tests/unit", "-x", "c", "-", "-o", program, input_text=PRINTER)
    found = []
    for line in run(program).stdout.splitlines():
        words, _, text = line.partition("=")
        found.append(Row(*map(int, words.split()), bytes.fromhex(text)))
    return found
