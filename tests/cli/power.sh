# What a test can show, before there is a text. Numbers: statistics.md section 10 (1/4: 381 and 519 tokens at p_ref).
. "$SRC/tests/cli/prelude"
verdigris power --profile "$data/plain.json" --tokens 100,1000
verdigris power --profile "$data/plain.json" --effect 0.4 --tokens 420 --json
try verdigris power --profile "$data/plain.json" --effect 0.2
try verdigris power --profile "$data/plain.json" --effect 1
try verdigris power --profile "$data/plain.json" --alpha 0
try verdigris power --profile "$data/plain.json" --tokens 100,0
