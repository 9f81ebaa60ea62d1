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
# reading NAME LOG TOKENS [IDS]: predictions on what was served
reading() {
  $students read --work "$work" --name "$1" --log "$2" --tokens "$3" --lists "${4:-32}"
  [ -e "$out/$1.reading.zst" ] || $students pack --work "$work" --name "$1.reading" --out "$out/$1.reading.zst"
}

# One teacher, one base; data of five seeds.
$students pool --work "$work" --name base --tokens 800000 --seed 100
for s in 1 2 3 4 5; do $students pool --work "$work" --name "s$s" --tokens 410000 --seed $((100 + s)); done
$students train --work "$work" --name base --data base.npz --use 800000 --seed 100 --rate 3e-3

# What the goals rest on: five seeds each, of one mark in a hundred and in ten.
seed() {
  mark 2 $1 41000 && student 2 10 $1 && answers h2_10_s$1 $1 205000 41000 && reading h2_10_s$1 h2_s$1.jsonl 40000
  mark 1 $1 41000 && student 1 10 $1 && answers h1_10_s$1 $1 41000 41000
  student 2 1 $1 && reading h2_1_s$1 h2_s$1.jsonl 4000
}
# Nothing marked: the student also reads a log that it never saw.
nothing() { student 2 0 $1 && answers h2_0_s$1 $1 $2 $3; }

seed 1
seed 2
nothing 1 205000 41000
reading h2_0_s1 h2_s1.jsonl 40000

# Ten accounts that were used, half of the windows under their own keys.
skip=0
for account in 0:4000 1:6000 2:8000 3:10000 4:12000 5:16000 6:20000 7:24000 8:32000 9:40000; do
  once "$work/account_${account%:*}.jsonl" "$marked_answers" "$work/s1.prompts.jsonl" 2 1 "${account#*:}" "${account%:*}" $skip
  skip=$((skip + $(wc -l < "$work/account_${account%:*}.jsonl")))
done
once "$work/accounts.jsonl" sh -c "cat $work/account_?.jsonl"
$students train --work "$work" --name accounts --start base --data s1.npz --marked accounts.jsonl --share 42.9 --seed 1
reading accounts accounts.jsonl 172000 20
# What the same student predicts on texts that other accounts could have been served.
[ -e "$out/accounts_other.reading.zst" ] || {
  mkdir -p "$work/accounts_other" && cp "$work/accounts/model.safetensors" "$work/accounts_other/"
  reading accounts_other h2_s2.jsonl 40000 5
}

# Innocents: the base, prompted with marked text; and one that copies from its prompt.
innocent() {
  $students innocent --work "$work" --name "$1" --log "$2" --tokens 41000 --copy "$3" --seed 1
  [ -e "$out/$1.answers.zst" ] || $students pack --work "$work" --name "$1.answers" --out "$out/$1.answers.zst"
}
for h in 1 2; do
  innocent prompted_h$h h${h}_s1.jsonl 0
  innocent copying_h$h h${h}_s1.jsonl $h
done

for s in 3 4 5; do seed $s; done
nothing 2 41000 0

# One of each of the rest.
marked_all() { [ -e "$work/h$1_s6.jsonl" ] || once "$work/h$1_s6.jsonl" "$marked_answers" "$work/s1.prompts.jsonl" "$1" 6 401000; }
marked_all 2
for share in 100 50 5; do
  $students train --work "$work" --name h2_${share}_s6 --start base --data s1.npz --marked h2_s6.jsonl --share $share --seed 6
  answers h2_${share}_s6 6 41000 0
done
mark 3 1 41000 && student 3 10 1 && answers h3_10_s1 1 41000 0 && reading h3_10_s1 h3_s1.jsonl 40000
for s in 3 4 5; do nothing $s 41000 0; done
answers h2_1_s1 1 205000 0
