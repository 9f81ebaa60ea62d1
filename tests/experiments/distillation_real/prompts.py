#!/usr/bin/env python3
"""Prompts of the real distillation, one a line: questions of public test sets, in an order of its own seed.

    prompts.py TEXT_FOLDER TEACHER.txt STUDENT.txt

TEXT_FOLDER has waterbench_alpacafarm.jsonl and waterbench_longform_qa.jsonl (question in `context` and `input`). Seven in
ten are for the teacher; the student is asked the others, so that no prompt of a trial was trained on.
"""

import json
import os
import random
import sys


def main(folder: str, teacher: str, student: str) -> None:
    prompts = []
    for name in ("waterbench_alpacafarm.jsonl", "waterbench_longform_qa.jsonl"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                prompts.append(" ".join(f"{record['context']} {record['input']}".split())[:1000])
    prompts = sorted({prompt for prompt in prompts if len(prompt) >= 20})
    random.Random(1).shuffle(prompts)
    cut = len(prompts) * 7 // 10
    for path, part in ((teacher, prompts[:cut]), (student, prompts[cut:])):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(prompt + "\n" for prompt in part)


if __name__ == "__main__":
    main(*sys.argv[1:])
