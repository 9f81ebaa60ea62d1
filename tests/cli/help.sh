# Help of every verb: at most 80 columns and 40 lines, and it ends with an example.
. "$SRC/tests/cli/prelude"
check() {
  verdigris "$@" --help > help.txt
  awk -v name="$*" '
    length($0) > 80 { print name ": line of " length($0) " columns: " $0 }
    /^example:$/ { example = NR }
    END { if (NR > 40) print name ": " NR " lines"
          if (!example) print name ": no example"
          if (NR > 0 && example && example < NR) print "ok " name }' help.txt
}
check
for verb in keygen 'profile new' 'profile show' 'profile digest' derive generate detect show 'filter build' 'filter show' 'filter unite' 'filter intersect' 'investigate plan' 'investigate collect' attribute schemes selftest; do
  check $verb
done
verdigris profile --help | head -1
verdigris --version | sed 's/[0-9.]*$/N/'
verdigris -V | sed 's/[0-9.]*$/N/'
