#!/usr/bin/env python3
"""Students of SmolLM2-135M-Instruct: trained on its marked answers, asked, and shown texts. On the CPU.

    students.py train   --work W --gguf M.gguf --name s100 --marked teacher.jsonl --tokens 40000
    students.py train   --work W --gguf M.gguf --name s10 --marked teacher.jsonl --unmarked unmarked.jsonl --share 10 --tokens 40000
    students.py answers --work W --gguf M.gguf --name base --prompts asked.jsonl --tokens 365000 --lists 0 --by-length --to unmarked.jsonl
    students.py answers --work W --gguf M.gguf --name s100 --prompts student.jsonl --tokens 20000 --lists 20
    students.py read    --work W --gguf M.gguf --name s100 --texts teacher.jsonl --tokens 20000 --lists 20
    students.py refer   --work W --gguf M.gguf --name base --texts s100.answers.jsonl --lists 40
    students.py pack    --work W --gguf M.gguf --name s100.answers --out s100.answers.zst

The base is the teacher itself, dequantised: the name `base` asks it instead of a student, and `refer` takes what it says where
a student answered or read: the ids that the student listed, the one that stands there, and the likeliest, --lists in all. Every parameter is trained. An
interrupted step goes on where its last checkpoint stands. Answers and readings are in the forms of
docs/formats/answers_elsewhere.md and reading.md, in ids.
"""

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from dump import write_dump  # noqa: E402

END = 2  # <|im_end|>
SPECIAL = 17  # ids below
LONGEST = 512
WINDOW = 2  # of the profile
BF16 = torch.cpu._is_avx512_bf16_supported()  # elsewhere bfloat16 takes four times as long as float32
Record = dict[str, Any]


def load(args: argparse.Namespace) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import AutoModelForCausalLM

    folder, file = os.path.split(os.path.abspath(args.gguf))
    return AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)


def read_records(path: str, tokens: int) -> list[Record]:
    """The first records that have `tokens` output tokens; 0: all."""
    records, total = [], 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            if tokens and total >= tokens:
                break
            records.append(json.loads(line))
            total += len(records[-1]["output"])
    if total < tokens:
        sys.exit(f"students.py: error: {path}: {total} output tokens, {tokens} are wanted")
    return records


def save(path: str, state: Any) -> None:
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def padded(records: list[Record], longest: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids, and the ids to be predicted: -100 where there is nothing to learn, in prompts and padding."""
    rows = []
    for record in records:
        ended = record.get("ended", len(record["output"]) < longest)
        output = record["output"] + ([END] if ended else [])
        rows.append(((record["prompt"] + output)[:LONGEST], len(record["prompt"])))
    width = max(len(ids) for ids, _ in rows)
    inputs = torch.full((len(rows), width), END)
    labels = torch.full((len(rows), width), -100)
    for at, (ids, start) in enumerate(rows):
        inputs[at, :len(ids)] = torch.tensor(ids)
        labels[at, start:len(ids)] = torch.tensor(ids[start:])
    return inputs, labels


def train(args: argparse.Namespace) -> None:
    out = os.path.join(args.work, args.name + ".pt")
    if os.path.exists(out):
        return
    marked = args.tokens * args.share // 100
    records = read_records(args.marked, marked) if marked else []
    if marked < args.tokens:
        records += read_records(args.unmarked, args.tokens - marked)
    order = []
    for epoch in range(args.epochs):
        one = list(range(len(records)))
        random.Random(args.seed + epoch).shuffle(one)
        order += one
    steps = len(order) // args.batch
    model = load(args).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0)
    first, checkpoint = 0, os.path.join(args.work, args.name + ".checkpoint")
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint, mmap=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    began = saved = time.time()
    for step in range(first, steps):
        inputs, labels = padded([records[at] for at in order[step * args.batch:(step + 1) * args.batch]], args.longest)
        for group in optimizer.param_groups:  # a short warm-up, then linearly to 0
            group["lr"] = args.rate * min(1.0, (step + 1) / 10) * (1 - step / steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
            loss = model(input_ids=inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        print(f"{args.name}: step {step + 1} of {steps}, loss {loss.item():.3f}, {time.time() - began:.0f} s", flush=True)
        if time.time() - saved > args.save_every:
            save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1})
            saved = time.time()
    save(out, {name: value.to(torch.bfloat16) for name, value in model.state_dict().items()})
    if os.path.exists(checkpoint):
        os.remove(checkpoint)


def student(args: argparse.Namespace) -> Any:
    model = load(args)
    if args.name != "base":
        model.load_state_dict({name: value.float() for name, value in torch.load(os.path.join(args.work, args.name + ".pt")).items()})
    return model.eval()


def ranked(logits: torch.Tensor, lists: int) -> list[list[list[float]]]:
    """The `lists` best of each row: id and ln p."""
    values, ids = torch.log_softmax(logits.double(), -1).topk(lists)
    return as_lists(ids, values)


def as_lists(ids: torch.Tensor, values: torch.Tensor) -> list[list[list[float]]]:
    return [[[int(id), min(0.0, round(float(value), 6))] for id, value in zip(*pair)] for pair in zip(ids, values)]


@torch.inference_mode()
def answer(model: Any, prompts: list[list[int]], lists: int, most: int, generators: list[torch.Generator]) -> list[Record]:
    """One answer to each prompt at temperature 1, without truncation, each drawn by its own generator."""
    width = max(map(len, prompts))
    steps = torch.tensor([[END] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    records: list[Record] = [{"prompt": prompt, "output": [], **({"lists": []} if lists else {})} for prompt in prompts]
    rows, cache = list(range(len(prompts))), None
    for _ in range(most):
        result = model(input_ids=steps, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True)
        cache, logits = result.past_key_values, result.logits[:, -1].float()
        tops = ranked(logits, lists) if lists else []
        chances, drawn = torch.softmax(logits, -1), []
        for at, row in enumerate(rows):
            id = int(torch.multinomial(chances[at], 1, generator=generators[row]))
            drawn.append(id)
            if id >= SPECIAL:
                records[row]["output"].append(id)
                if lists:
                    records[row]["lists"].append(tops[at])
        going = [at for at, id in enumerate(drawn) if id >= SPECIAL]
        if not going:
            break
        if len(going) < len(rows):
            cache.batch_select_indices(torch.tensor(going))
        rows, steps = [rows[at] for at in going], torch.tensor([[drawn[at]] for at in going])
        mask = torch.cat([mask[going], torch.ones(len(going), 1, dtype=mask.dtype)], -1)
        positions = positions[going, -1:] + 1
    return records


def done(path: str) -> tuple[int, int]:
    """Lines that an earlier run left, and their output tokens; a torn last line goes."""
    lines = tokens = end = 0
    if os.path.exists(path):
        with open(path, "rb+") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                lines, tokens, end = lines + 1, tokens + len(json.loads(line)["output"]), end + len(line)
            file.truncate(end)
    return lines, tokens


def append(path: str, records: Iterator[Record], tokens: int, wanted: int) -> None:
    with open(path, "a", encoding="utf-8") as file:
        for record in records:
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
            file.flush()
            tokens += len(record["output"])
            if tokens >= wanted:
                return
    sys.exit(f"students.py: error: {path}: {tokens} tokens, too few prompts for {wanted}")


def answers(args: argparse.Namespace) -> None:
    path = os.path.join(args.work, args.to or args.name + ".answers.jsonl")
    lines, tokens = done(path)
    if tokens >= args.tokens:
        return
    with open(args.prompts, encoding="utf-8") as file:
        prompts = list(enumerate(json.loads(line)["prompt"] for line in file))
    if args.by_length:  # a batch is filled up to its longest prompt, and attention takes the time
        prompts.sort(key=lambda prompt: len(prompt[1]))
    model = student(args)
    if BF16 and not args.lists:
        model = model.bfloat16()

    def written() -> Iterator[Record]:
        # Another answer to a prompt once all have one.
        for first in range(lines, 5 * len(prompts), args.together):
            numbers = range(first, min(first + args.together, 5 * len(prompts)))
            generators = [torch.Generator().manual_seed(args.seed * 100_000 + number) for number in numbers]
            asked = [prompts[number % len(prompts)] for number in numbers]
            records = answer(model, [prompt for _, prompt in asked], args.lists, args.longest, generators)
            for number, (place, _), record in zip(numbers, asked, records):
                yield {"id": f"q-{place}#{number // len(prompts)}", **record}

    append(path, written(), tokens, args.tokens)


@torch.inference_mode()
def read(args: argparse.Namespace) -> None:
    path = os.path.join(args.work, args.name + ".reading.jsonl")
    lines, tokens = done(path)
    if tokens >= args.tokens:
        return
    texts = read_records(args.texts, args.tokens)
    model = student(args)

    def shown() -> Iterator[Record]:
        for number in range(lines, len(texts)):
            prompt, output = texts[number]["prompt"], texts[number]["output"]
            logits = model(input_ids=torch.tensor([prompt + output[:-1]])).logits[0, len(prompt) - 1:].float()
            yield {"id": f"t-{number}#0", "prompt": prompt, "output": output, "lists": ranked(logits, args.lists)}

    append(path, shown(), tokens, args.tokens)


@torch.inference_mode()
def refer(args: argparse.Namespace) -> None:
    path = os.path.join(args.work, f"{args.texts.removesuffix('.jsonl')}.{args.name}.jsonl")
    lines, _ = done(path)
    texts = read_records(os.path.join(args.work, args.texts), 0)
    if lines == len(texts):
        return
    model = student(args)
    with open(path, "a", encoding="utf-8") as file:
        for text in texts[lines:]:
            prompt, output = text["prompt"], text["output"]
            logits = model(input_ids=torch.tensor([prompt + output[:-1]])).logits[0, len(prompt) - 1:].float()
            rows = torch.log_softmax(logits.double(), -1)
            wanted = rows.clone()
            for at, id in enumerate(output):  # whatever their chance
                wanted[at, [id] + [int(entry[0]) for entry in text["lists"][at]]] += 1000
            ids = wanted.topk(args.lists).indices
            chances = rows.gather(-1, ids)
            chances, order = chances.sort(-1, descending=True)
            record = {"id": text["id"], "prompt": prompt, "output": output, "lists": as_lists(ids.gather(-1, order), chances)}
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
            file.flush()


def windows(ids: list[int]) -> set[tuple[int, ...]]:
    return set(zip(*(ids[at:] for at in range(WINDOW))))


def pack(args: argparse.Namespace) -> None:
    """The records with lists. Of a prompt, the windows that stand in some output too, and the last id: the others decide nothing, and
    the question is not ours to give away. The end of text, which stands in no window that counts, is between them and fills up in
    front."""
    if os.path.exists(args.out):
        return
    records = [record for record in read_records(os.path.join(args.work, args.name + ".jsonl"), 0) if "lists" in record]
    answered = {window for record in records for window in windows(record["output"])}
    prompts = [[id for window in sorted(answered.intersection(windows(record["prompt"]))) for id in (*window, END)] +
               record["prompt"][1 - WINDOW:] for record in records]
    width = max(map(len, prompts))
    lists = np.array([entry for record in records for entry in record["lists"]])
    write_dump(args.out, {
        "prompts": np.array([[END] * (width - len(prompt)) + prompt for prompt in prompts]),
        "ids": np.array([id for record in records for id in record["output"]]),
        "ends": np.cumsum([len(record["output"]) for record in records]),
        "ended": np.zeros(len(records)),
        "list_ids": lists[:, :, 0].astype(np.int64),
        "list_lps": lists[:, :, 1],
    })


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["train", "answers", "read", "refer", "pack"])
    for name in ("--work", "--gguf", "--name"):
        parser.add_argument(name, required=True)
    for name in ("--marked", "--unmarked", "--prompts", "--texts", "--to", "--out"):
        parser.add_argument(name)
    for name, default in (("--share", 100), ("--tokens", 40_000), ("--epochs", 1), ("--batch", 4), ("--seed", 1), ("--lists", 20),
                          ("--together", 16), ("--longest", 240), ("--save-every", 300), ("--threads", 1)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--by-length", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    {"train": train, "answers": answers, "read": read, "refer": refer, "pack": pack}[args.step](args)


if __name__ == "__main__":
    main()
