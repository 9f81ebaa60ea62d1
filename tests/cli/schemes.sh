# Every scheme with its parameters. Names of others are not pinned here: a new scheme adds its own tests.
. "$SRC/tests/cli/prelude"
verdigris schemes > out
sed -n '/^green$/,/^[a-z]/p' out | sed '$!b; /^[a-z]/d'
