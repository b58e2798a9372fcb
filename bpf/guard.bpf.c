/* SPDX-License-Identifier: GPL-2.0-only */
/* The program at the host's own door: before a listener is found for a segment (guard.h). A client
 * that is refused gets the host's reset, as if nobody listened. */
#include "guard.h"

enum { FAMILY_IP6 = 10 }; /* AF_INET6 */

SEC("sk_lookup")
int lbxdp_guard(struct bpf_sk_lookup *ctx)
{
	const bool six = ctx->family == FAMILY_IP6;
	struct lb_endpoint at = {.port = ctx->local_port, .proto = WIRE_TCP};
	struct lb_addr client;

	if (ctx->protocol != WIRE_TCP)
		return SK_PASS;
	if (six) {
		/* Word by word: the kernel takes no wider read of these. */
		for (int i = 0; i < 4; i++) {
			env_store32(&at.vip.byte[4 * i], READ_ONCE(ctx->local_ip6[i]));
			env_store32(&client.byte[4 * i], READ_ONCE(ctx->remote_ip6[i]));
		}
	} else {
		pkt_addr4(&at.vip, ctx->local_ip4);
		pkt_addr4(&client, ctx->remote_ip4);
	}
	return guard_refuses(&client, &at, six) ? SK_DROP : SK_PASS;
}

char _license[] SEC("license") = "GPL";
