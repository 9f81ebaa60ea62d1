# A verdict over answers that come as files: a teacher's marked answers stand for a suspect that learned the mark.
. "$SRC/tests/cli/prelude"
pocket_suspect
sha=$(sha256sum "$model/model.safetensors" | cut -d' ' -f1)
run() { try verdigris investigate test --profile p.json --tokenizer "$model/tokenizer.model" --key k.key "$@"; }
# Without what a clock or a processor decides.
stable() { sed -e 's/20[0-9T:Z-]*Z/TIME/g' -e 's/^  key .*//' ; }
short() { grep -o '"\(verdict\|why\|refused_by\|deviations\)":\("[^"]*"\|\[[^]]*\]\)\|^exit.*'; }
plan_files -o case
echo "marked"
run --answers "$data/suspect-guilty.jsonl" case | stable
echo "what was written"
ls case/evidence
head -n 2 case/evidence/01-provider-root.jsonl
wc -l < case/finding.json | tr -d ' '
grep -o '"verdict":"[^"]*"' case/finding.json
echo "unmarked"
run --json --answers "$data/suspect-innocent.jsonl" case | short
echo "the planned effect would have shown"
plan_files --effect 12 --budget answer_tokens=1800 -o effect
run --json --answers "$data/suspect-innocent.jsonl" effect | short
echo "a reference: a model of the pocket model's form"
plan_files --reference "provider,T,$sha,2026-01-01T00:00:00Z" -o reference
run --json --key-since 2026-06-01T00:00:00Z --reference "T=$model" --answers "$data/suspect-guilty.jsonl" reference | short
run --key-since 2026-06-01T00:00:00Z --reference "T=$model" --answers "$data/suspect-innocent.jsonl" reference | grep -o "In the reference experiment.*"
run --json --reference "T=$model" --answers "$data/suspect-guilty.jsonl" reference | short
echo "a reference that may have seen the mark"
plan_files --reference "provider,T,$sha" -o young
run --reference "T=$model" --answers "$data/suspect-guilty.jsonl" young | sed -n -e '1p' -e '/^exit/p' -e '/log10\|10^-/p' | stable
run --json --stated-free T --reference "T=$model" --answers "$data/suspect-guilty.jsonl" young | short
echo "a control model that carries the mark"
plan_files --control-model older -o controls
run --json --control "older=$data/suspect-guilty.jsonl" --answers "$data/suspect-innocent.jsonl" controls | short
run --json --control "older=$data/suspect-innocent.jsonl" --answers "$data/suspect-guilty.jsonl" controls | short
echo "the plan changed"
plan_files -o changed
sed 's/"alpha_log10":"-3.0000"/"alpha_log10":"-2.0000"/' changed/plan.json > plan.json && cp plan.json changed/plan.json
run --answers "$data/suspect-guilty.jsonl" changed
sum=$(sha256sum changed/plan.json | cut -d' ' -f1)
sed "s/\"plan_sha256\":\"[0-9a-f]*\"/\"plan_sha256\":\"$sum\"/" changed/investigation.json > i.json && cp i.json changed/investigation.json
run --json --deviate "alpha was a slip" --answers "$data/suspect-guilty.jsonl" changed | short | stable
