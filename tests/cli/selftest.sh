. "$SRC/tests/cli/prelude"
verdigris selftest
