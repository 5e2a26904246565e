# The front door. Every target is a thin call of `cargo xtask`, which holds the steps.
# Needs make, Rust (rustup reads rust-toolchain.toml), Node 20, Python and gcc; system packages that are
# missing are installed with apt-get on Debian and Ubuntu.

.DEFAULT_GOAL := help
.PHONY: help run test demo check

help:
	@printf '%s\n' \
	  'make run     build the desktop and open it' \
	  'make test    run every test; the last line is "N passed, N failed"' \
	  'make demo    a relay and two people with a window each, who speak' \
	  'make check   format, lints, tidy, generated files, licences, user interface' \
	  '' \
	  'More commands: cargo xtask help'

run:
	cargo xtask run

test:
	cargo xtask test

demo:
	cargo xtask demo

check:
	cargo xtask check
