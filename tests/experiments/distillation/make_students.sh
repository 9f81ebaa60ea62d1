#!/usr/bin/env bash
# Makes the students of the reference experiment and what is stored of them: some two hours on one core. Takes up what an
# earlier run left in WORK.
#
#   make_students.sh WORK MARKED_ANSWERS OUT        MARKED_ANSWERS: the program of that name; OUT: datasets/distilled
set -euo pipefail
work=$1 marked_answers=$2 out=$3
cd "$(dirname "$0")"
students="python3 students.py"
mkdir -p "$work" "$out"

# once FILE COMMAND...: standard output to FILE, if it is not there.
once() {
  local file=$1
  shift
  [ -e "$file" ] || { "$@" > "$file.part" && mv "$file.part" "$file"; }
}
# mark WINDOW SEED TOKENS: answers under the key of a seed, as many tokens as its students need at most.
mark() { once "$work/h$1_s$2.jsonl" "$marked_answers" "$work/s$2.prompts.jsonl" "$1" "$2" "$3"; }
# student WINDOW SHARE SEED
student() {
  $students train --work "$work" --name "h$1_$2_s$3" --start base --data "s$3.npz" --marked "h$1_s$3.jsonl" --share "$2" --seed "$3"
}
# answers NAME SEED TOKENS LISTS
answers() {
  $students answers --work "$work" --name "$1" --seed "$2" --prompts-seed $((1000 + $2)) --tokens "$3" --lists "$4"
  [ -e "$out/$1.answers.zst" ] || $students pack --work "$work" --name "$1.answers" --out "$out/$1.answers.zst"
}
# reading NAME LOG TOKENS: predictions on what was served
reading() {
  $students read --work "$work" --name "$1" --log "$2" --tokens "$3" --lists 32
  [ -e "$out/$1.reading.zst" ] || $students pack --work "$work" --name "$1.reading" --out "$out/$1.reading.zst"
}

# One teacher, one base; data of five seeds.
$students pool --work "$work" --name base --tokens 800000 --seed 100
for s in 1 2 3 4 5; do $students pool --work "$work" --name "s$s" --tokens 410000 --seed $((100 + s)); done
$students train --work "$work" --name base --data base.npz --use 800000 --seed 100 --rate 3e-3

# What the goals rest on: five seeds each.
for s in 1 2 3 4 5; do
  mark 2 $s 41000 && student 2 10 $s && answers h2_10_s$s $s 205000 41000 && reading h2_10_s$s h2_s$s.jsonl 40000
  mark 1 $s 41000 && student 1 10 $s && answers h1_10_s$s $s 41000 41000
done
for s in 1 2 3 4 5; do student 2 1 $s && answers h2_1_s$s $s 205000 0 && reading h2_1_s$s h2_s$s.jsonl 4000; done
# Nothing marked: one student a seed. The first also reads the log of its seed, which it never saw.
for s in 1 2 3 4 5; do
  student 2 0 $s && answers h2_0_s$s $s 205000 $((s == 1 ? 41000 : 0))
done
reading h2_0_s1 h2_s1.jsonl 40000

# Ten accounts that were used, half of the windows under their own keys.
skip=0
for account in 0:4000 1:6000 2:8000 3:10000 4:12000 5:16000 6:20000 7:24000 8:32000 9:40000; do
  once "$work/account_${account%:*}.jsonl" "$marked_answers" "$work/s1.prompts.jsonl" 2 1 "${account#*:}" "${account%:*}" $skip
  skip=$((skip + $(wc -l < "$work/account_${account%:*}.jsonl")))
done
once "$work/accounts.jsonl" sh -c "cat $work/account_?.jsonl"
$students train --work "$work" --name accounts --start base --data s1.npz --marked accounts.jsonl --share 42.9 --seed 1
reading accounts accounts.jsonl 172000

# One of each of the rest.
marked_all() { [ -e "$work/h$1_s6.jsonl" ] || once "$work/h$1_s6.jsonl" "$marked_answers" "$work/s1.prompts.jsonl" "$1" 6 401000; }
marked_all 2
for share in 5 50 100; do
  $students train --work "$work" --name h2_${share}_s6 --start base --data s1.npz --marked h2_s6.jsonl --share $share --seed 6
  answers h2_${share}_s6 6 41000 0
done
mark 3 1 41000 && student 3 10 1 && answers h3_10_s1 1 41000 0 && reading h3_10_s1 h3_s1.jsonl 40000
