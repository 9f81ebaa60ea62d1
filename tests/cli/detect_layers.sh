# Which tests the keys of one command make (command-line.md L3).
. "$SRC/tests/cli/prelude"
keys provider selector acct-7 acct-8 plain-provider plain-account
record shared 3 > ids.txt
detect() { verdigris detect --profile "$data/shared.json" --ids text ids.txt "$@"; }
short() { grep -o '"\(verdict_by\|log10_p_family\|statistic\|layers\|warnings\)":\("[^"]*"\|[^,{[]*\|{[^}]*}\|\[[^]]*\]\)' | sed 's/\(\.[0-9]\{9\}\)[0-9]*/\1/g'; }
echo "provider"; detect --json --key provider.key --key selector.key | short
echo "provider, rule tuple"; detect --json --rule tuple --key provider.key --key selector.key | short
echo "account"; detect --json --key acct-7.key --key selector.key | short
echo "both"; detect --json --key provider.key --key selector.key --key acct-7.key | short
echo "two accounts and the provider"
detect --json --key acct-7.key --key provider.key --key selector.key --key acct-8.key | short
echo "without selector"; detect --json --key provider.key --without-selector | short
echo "in words"
try detect --key provider.key --key selector.key --key acct-7.key
echo "missing selector"; try detect --key provider.key
echo "ignored key"
verdigris detect --profile "$data/plain.json" --ids text ids.txt --json --key plain-provider.key --key plain-account.key | short
