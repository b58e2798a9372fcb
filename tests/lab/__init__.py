# SPDX-License-Identifier: GPL-2.0-only
"""A network of namespaces with real mail servers, for the end-to-end tests and the demo."""
