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
verdigris pages man | sed -n 's/^\.SS verdigris \([a-z ]*\).*/\1/p' > verbs.txt
while read -r verb; do
  check $verb < /dev/null
done < verbs.txt
verdigris profile --help | head -1
verdigris --version | sed 's/[0-9.]*$/N/'
verdigris -V | sed 's/[0-9.]*$/N/'
