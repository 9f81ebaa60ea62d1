#!/usr/bin/env python3
"""S12: collecting from endpoints that misbehave (suspect-models.md M10.3, M15).

    collect_test.py --tool verdigris --run collect_run [--kills 10] [--only NAME]

Each test plans an investigation with `verdigris investigate plan`, collects it from hostile_server.py, and compares the
directory with what the server sent: nothing stored is lost or asked for twice, raw bodies are those sent byte for byte, every
request is counted, and no budget is passed.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from hostile_server import HostileServer  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TOKENIZER = SOURCE / "datasets" / "pocket_lm" / "tokenizer.model"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class World:
    """A folder with a profile, a server, and what runs the tool."""

    def __init__(self, arguments, folder):
        self.tool, self.runner, self.kills = arguments.tool.resolve(), arguments.run.resolve(), arguments.kills
        self.folder = folder
        self.server = HostileServer()
        self.profile = folder / "profile.json"
        self.verdigris("profile", "new", "--scheme", "green", "--tokenizer", TOKENIZER, "-o", self.profile)

    def verdigris(self, *words, expect=0, **options):
        done = subprocess.run([str(self.tool), *map(str, words)], capture_output=True, text=True, timeout=300, check=False, **options)
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done

    def plan(self, prompts, *options, name="case", url=None):
        """Plans prompts (texts, or (id, text)) and gives the directory."""
        rows = [(f"p{i}", prompt) if isinstance(prompt, str) else prompt for i, prompt in enumerate(prompts)]
        path = self.folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"id": i, "prompt": text, "domain": "all"}) + "\n" for i, text in rows))
        case = self.folder / name
        shutil.rmtree(case, ignore_errors=True)
        if "--rate" not in options:
            options = (*options, "--rate", "16,100000")
        self.verdigris("investigate", "plan", "--profile", self.profile, "--prompts", path, "--url", url or self.server.url, "--model", "s-1", *options, "-o", case)
        return case

    def collect_command(self, case, *options):
        return [str(self.tool), "investigate", "collect", "--profile", str(self.profile), "--tokenizer", str(TOKENIZER), *map(str, options), str(case)]

    def collect(self, case, *options, expect=0, **more):
        done = subprocess.run(self.collect_command(case, "--json", *options), capture_output=True, text=True, timeout=300, check=False, **more)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return (json.loads(done.stdout) if done.stdout else None), done.stderr

    def run(self, case, *outcomes, scale=0.02, idle=60_000, expect=0):
        """The collector with short waits; gives what it prints as a dict of lists."""
        done = subprocess.run([str(self.runner), str(case), str(self.profile), str(TOKENIZER), str(scale), str(idle), *outcomes],
                              capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines()]
        return {name: [line[1:] for line in lines if line[0] == name] for name in {line[0] for line in lines}}, done.stderr


def lines_of(path):
    """Complete lines; a torn last one is left out, as a reader does."""
    if not path.exists():
        return []
    data = path.read_bytes()
    return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]


def answers_of(case):
    return lines_of(case / "answers.jsonl")


def events_of(case, kind):
    return [event for event in lines_of(case / "events.jsonl") if event["event"] == kind]


def check_directory(world, case, prompts=None):
    """What holds of every directory: ids once, bodies in place, requests counted."""
    answers = answers_of(case)
    ids = [answer["id"] for answer in answers]
    assert len(ids) == len(set(ids)), "an id twice"
    raw = (case / "raw.bin").read_bytes()
    end = 0
    texts = {prompt["id"]: prompt["prompt"] for prompt in lines_of(case / "prompts.jsonl")}
    for answer in answers:
        offset, length = answer["raw"]
        assert offset == end, "bodies are not one behind the other"
        end = offset + length
        body = raw[offset:end]
        if answer["class"] in ("ok", "truncated", "model", "filtered", "empty"):
            assert body in world.server.sent[texts[answer["id"].rsplit("#", 1)[0]]], (answer["id"], "is not a body that was sent")
    assert end == len(raw)
    if prompts is not None:
        assert set(ids) == {f"{i}#0" for i in prompts}, (sorted(ids)[:5], len(ids))
    return {answer["id"].rsplit("#", 1)[0]: answer for answer in answers}


def requests_counted(case):
    return len(answers_of(case)) + len(events_of(case, "failed")) + len(events_of(case, "probe"))


@test
def every_fault_has_its_class(world):
    rows = {  # id: prompt, class, requests
        "ok": ("hello", "ok", 1), "busy": ("[fails:503,2] x", "ok", 3), "late": ("[fails:408,1] x", "ok", 2), "clash": ("[fails:409,1] x", "ok", 2),
        "early": ("[fails:425,1] x", "ok", 2), "many429": ("[fails:429,3] x", "ok", 4), "reset": ("[reset:2] x", "ok", 3), "slow": ("[slow] x", "ok", 1),
        "cut": ("[cut] x", "garbage", 3), "http09": ("[http09] x", "garbage", 3), "html": ("[garbage] x", "garbage", 3), "shape": ('[garbage:{"a":1}] x', "garbage", 3),
        "deep": ("[deep] x", "garbage", 3), "nobody": ("[nobody] x", "garbage", 3), "recovers": ("[garbage_then] x", "ok", 3), "huge": ("[huge] x", "oversize", 1),
        "many": ("[many] x", "ok", 1), "filtered": ("[filtered] x", "filtered", 1), "truncated": ("[truncated] x", "truncated", 1), "empty": ("[empty] x", "empty", 1),
        "model": ("[model] x", "model", 1), "nomodel": ("[nomodel] x", "ok", 1), "nullbytes": ("[nullbytes] x", "ok", 1), "nulllists": ("[nulllists] x", "ok", 1),
        "nan": ("[nan] x", "ok", 1), "mass": ("[mass] x", "ok", 1), "nulls": ("[nulls] x", "empty", 1), "badutf8": ("[badutf8] x", "ok", 1),
        "surrogate": ("[surrogate] x", "ok", 1), "words": ("[words] x", "ok", 1), "s400": ("[status:400] x", "request", 1), "s404": ("[status:404] x", "request", 1),
        "s413": ("[status:413] x", "request", 1), "s422": ("[status:422] x", "request", 1)}
    # Room for the 100,000 tokens that nobody asked for.
    case = world.plan([(i, text) for i, (text, _, _) in rows.items()], "--budget", "answer_tokens=1000000")
    world.server.forget()
    said, _ = world.run(case)
    assert said["end"][0][0] == "complete", said
    answers = check_directory(world, case, rows)
    for i, (text, wanted, requests) in rows.items():
        assert answers[i]["class"] == wanted, (i, answers[i]["class"], wanted)
        seen = [prompt for _, prompt, _, _ in world.server.requests if prompt == text]
        assert len(seen) == requests == answers[i]["attempts"], (i, len(seen), answers[i]["attempts"])
    assert requests_counted(case) == len(world.server.requests) == int(said["requests"][0][0])
    assert int(said["failed"][0][0]) == len(events_of(case, "failed"))
    assert answers["huge"]["raw"][1] == 16 << 20
    assert answers["many"]["text"] == " cat" * 100_000 and len(answers["many"]["ids"]) >= 100_000
    assert "\ufffd" in answers["badutf8"]["text"] and "\ufffd" in answers["surrogate"]["text"]
    assert all(answers[i]["ids"] == [] for i in ("empty", "nulls", "s400", "html"))
    assert len(answers["ok"]["ids"]) > 5
    # Nothing is asked again, and nothing changes, in a run of what is complete.
    before = (case / "answers.jsonl").read_bytes()
    world.server.forget()
    world.run(case)
    assert world.server.requests == [] and (case / "answers.jsonl").read_bytes() == before


@test
def legacy_lists_of_unequal_length_are_answers(world):
    case = world.plan([("u", "[unequal] x"), ("o", "hello")], "--api", "completions")
    world.run(case)
    answers = check_directory(world, case, ["u", "o"])
    assert answers["u"]["class"] == answers["o"]["class"] == "ok"


@test
def eight_retries_then_left_for_the_next_run(world):
    case = world.plan([("dead", "[fails:503,9] x"), ("ok", "hello")])
    world.server.forget()
    said, _ = world.run(case, scale=0.0005)
    assert said["end"][0][0] == "left" and said["left"] == [["1"]], said
    assert len(world.server.requests) == 10
    assert [event["then"] for event in events_of(case, "failed")] == ["again"] * 8 + ["left"]
    said, _ = world.run(case)
    assert said["end"][0][0] == "complete"
    check_directory(world, case, ["dead", "ok"])


@test
def idle_connections_are_given_up(world):
    case = world.plan([("idle", "[idle] x")])
    world.server.idle = 5
    start = time.monotonic()
    said, _ = world.run(case, idle=400)
    assert said["end"][0][0] == "complete" and time.monotonic() - start < 4
    assert "no byte" in events_of(case, "failed")[0]["why"]


@test
def replies_without_end_are_given_up(world):
    for prompt, why in (("[drip] x", "the reply took too long"), ("[headers] x", "")):
        case = world.plan([("endless", prompt)])
        world.server.forget()
        world.server.idle = 20
        start = time.monotonic()
        said, _ = world.run(case, idle=400)
        assert said["end"][0][0] == "complete" and time.monotonic() - start < 10, prompt
        assert why in events_of(case, "failed")[0]["why"], prompt
        assert [answer["class"] for answer in answers_of(case)] == ["ok"], prompt
        shutil.rmtree(case, ignore_errors=True)


@test
def what_stops_everything_stops_and_goes_on_later(world):
    stops = {"[status:401] x": "auth", "[status:403] x": "auth", "[status:402] x": "limit", "[quota:402] x": "limit", "[quota:429] x": "limit",
             "[redirect:301] x": "unsupported", "[redirect:307] x": "unsupported", "[logprobs] x": "unsupported", "[after:3601] x": "limit", "[afterdate:7200] x": "limit"}
    for at, (prompt, error) in enumerate(stops.items()):
        case = world.plan([("a", "first"), ("b", prompt), ("c", "last")], "--rate", "1,100000", name=f"stop{at}")
        world.server.forget()
        _, err = world.collect(case, expect=3)
        assert f"verdigris: error: {error}: " in err, (prompt, err)
        assert [answer["id"] for answer in answers_of(case)] == ["a#0"], prompt
        assert len(world.server.requests) == 2 and requests_counted(case) == 2
        # The endpoint recovers.
        world.server.override = "ok"
        world.collect(case)
        world.server.override = None
        check_directory(world, case, ["a", "b", "c"])
        assert sum(text == "first" for _, text, _, _ in world.server.requests) == 1


@test
def twenty_refusals_in_a_row_stop(world):
    case = world.plan([f"[status:400] {i}" for i in range(30)], "--rate", "1,100000")
    world.server.forget()
    _, err = world.collect(case, expect=3)
    assert "refused 20 requests in a row" in err
    assert len(world.server.requests) == 20
    # Nineteen, an answer, nineteen: no row of twenty.
    prompts = [f"[status:400] {i}" for i in range(19)] + ["hello"] + [f"[status:400] x{i}" for i in range(19)]
    case = world.plan(prompts, "--rate", "1,100000", name="nineteen")
    world.collect(case)


@test
def retry_after_holds_the_whole_queue(world):
    for name, mode in (("seconds", "[after:2] x"), ("date", "[afterdate:3] x")):
        case = world.plan([("first", mode)] + [(f"p{i}", f"hello {name} {i}") for i in range(6)], "--rate", "1,100000", name=name)
        world.server.forget()
        world.collect(case)
        check_directory(world, case)
        times = [when for when, _, _, _ in world.server.requests]
        assert times[1] - times[0] > 1.8, times
        assert len(times) == 8


@test
def budgets_are_kept(world):
    prompts = [f"tell {i}" for i in range(30)]
    for name, budget in (("requests", "requests=10"), ("answer_tokens", "answer_tokens=450"), ("prompt_tokens", "prompt_tokens=40"), ("seconds", "seconds=2")):
        world.server.delay = 0.3 if name == "seconds" else 0
        case = world.plan(prompts, "--budget", budget, "--max-tokens", "30", "--rate", "2,100000", name=name)
        world.server.forget()
        start = time.monotonic()
        said, _ = world.collect(case)
        assert said["end"] == "budget" and said["budget"] == name, said
        answers = answers_of(case)
        assert 0 < len(answers) < 30
        if name == "requests":
            assert len(world.server.requests) == 10 and len(answers) == 10
        if name == "answer_tokens":
            # Each may bring 30 by its own count; what is stored is counted by ours.
            assert sum(len(answer["ids"]) for answer in answers) <= 450 and len(answers) >= 10
        if name == "seconds":
            assert time.monotonic() - start < 8
        # It stays spent.
        world.server.forget()
        said, _ = world.collect(case)
        assert world.server.requests == [] and said["end"] == "budget"
    world.server.delay = 0


@test
def failed_requests_count_against_the_budget(world):
    case = world.plan(["[fails:503,100] x"], "--budget", "requests=3")
    world.server.forget()
    said, _ = world.run(case)
    assert said["end"][0] == ["budget", "requests"] and len(world.server.requests) == 3 == requests_counted(case)


@test
def rate_and_parallel_are_kept(world):
    world.server.delay = 0.3
    case = world.plan([f"tell {i}" for i in range(20)], "--rate", "8,600")
    world.server.forget()
    world.collect(case)
    times = sorted(when for when, _, _, _ in world.server.requests)
    # 600 a minute are ten a second: 20 requests take at least 1.9 s, and no half second has more than six.
    assert times[-1] - times[0] > 1.8, times[-1] - times[0]
    case = world.plan([f"say {i}" for i in range(12)], "--rate", "3,100000", name="parallel")
    world.server.forget()
    start = time.monotonic()
    world.collect(case)
    times = sorted(when - start for when, _, _, _ in world.server.requests)
    assert all(b - a > 0.25 for a, b in zip(times, times[3:])), times  # the fourth waits for the first
    world.server.delay = 0


def resumes_after(world, how, name):
    """Ends the collector at random moments; each time what was stored stays, and is never asked for again."""
    random.seed(len(name))
    prompts = [(f"p{i}", f"tell {name} {i}") for i in range(60)]
    texts = dict(prompts)
    case = world.plan(prompts, "--rate", "4,100000", name=name)
    world.server.delay = 0.05
    ends = 0
    world.server.forget()
    while ends < world.kills:
        child = subprocess.Popen(world.collect_command(case), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.0, 0.35))
        child.send_signal(how)
        code = child.wait(timeout=30)
        ends += code != 0
        stored = {answer["id"] for answer in answers_of(case)}
        assert code in (0, -how, 128 + how), code
        before = len(world.server.requests)
        done = {texts[i.rsplit("#", 1)[0]] for i in stored}
        world.stored_then = getattr(world, "stored_then", []) + [(before, done, name)]
        if len(stored) == len(prompts):
            # Begun anew, so that all ends fall into work.
            check_directory(world, case, texts)
            shutil.rmtree(case)
            check_stored(world, name)
            world.stored_then = []
            case = world.plan(prompts, "--rate", "4,100000", name=name)
            world.server.forget()
    assert ends >= world.kills
    said, _ = world.collect(case)
    assert said["end"] == "complete"
    check_stored(world, name)
    world.stored_then = []
    check_directory(world, case, texts)
    world.server.delay = 0


def check_stored(world, name):
    for before, done, _ in getattr(world, "stored_then", []):
        again = done & {text for _, text, _, _ in world.server.requests[before:]}
        assert not again, (name, "stored and asked for again", again)


@test
def kill_9_at_random_points(world):
    resumes_after(world, signal.SIGKILL, "kill")


@test
def interrupted_at_random_points(world):
    kills, world.kills = world.kills, max(3, world.kills // 10)
    resumes_after(world, signal.SIGINT, "interrupt")
    world.kills = kills


@test
def control_c_waits_for_what_is_in_flight(world):
    world.server.delay = 1.0
    case = world.plan([f"tell {i}" for i in range(40)], "--rate", "4,100000")
    world.server.forget()
    child = subprocess.Popen(world.collect_command(case), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The four that may be on their way at once arrive in any order.
    deadline = time.monotonic() + 60
    while len(world.server.requests) < 4:
        assert time.monotonic() < deadline, world.server.requests
        time.sleep(0.02)
    time.sleep(0.2)
    world.server.forget()
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130, (child.returncode, err)
    assert time.monotonic() - start < 5 and world.server.requests == []
    assert len(answers_of(case)) == 4 and "4 answers" in out and "interrupted" in err, (out, err)
    assert events_of(case, "end")[-1]["reason"] == "interrupted"
    world.server.delay = 0
    world.collect(case)
    check_directory(world, case, [f"p{i}" for i in range(40)])


def caught(check, *arguments):
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False


@test
def the_checks_catch_what_they_are_for(world):
    case = world.plan([f"tell {i}" for i in range(5)], "--rate", "1,100000")
    world.collect(case)
    check_directory(world, case)
    answers, raw = (case / "answers.jsonl").read_bytes(), (case / "raw.bin").read_bytes()
    (case / "raw.bin").write_bytes(raw[:10] + b"?" + raw[11:])
    assert caught(check_directory, world, case)
    (case / "raw.bin").write_bytes(raw)
    (case / "answers.jsonl").write_bytes(answers + answers.splitlines(keepends=True)[0])
    assert caught(check_directory, world, case)
    # A stored line that is lost is asked for again.
    lines = answers.splitlines(keepends=True)
    (case / "answers.jsonl").write_bytes(b"".join(lines[:-1]))
    world.stored_then = [(len(world.server.requests), {"tell 4"}, "lost")]
    world.collect(case)
    assert caught(check_stored, world, "lost")
    world.stored_then = []


@test
def one_process_a_directory(world):
    world.server.delay = 0.5
    case = world.plan([f"tell {i}" for i in range(8)], "--rate", "1,100000")
    child = subprocess.Popen(world.collect_command(case), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not answers_of(case):
        time.sleep(0.05)
    _, err = world.collect(case, expect=3)
    assert "another process works in this directory" in err
    assert child.wait(timeout=30) == 0
    world.server.delay = 0
    check_directory(world, case, [f"p{i}" for i in range(8)])


@test
def looks_are_taken_on_whole_lines(world):
    case = world.plan([f"tell {i}" for i in range(40)], "--looks", "100,200,100000", "--max-tokens", "30", "--futility", "150")
    said, _ = world.run(case, "continue", "continue", "detected")
    tokens = 0
    wanted = []
    sizes = [100, 150, 200]
    for number, answer in enumerate(answers_of(case), 1):
        tokens += len(answer["ids"])
        while sizes and tokens >= sizes[0]:
            wanted.append([str(sizes.pop(0)), str(number)])
    assert [look[1:] for look in said["look"]] == wanted, (said, wanted)
    assert [look[0] for look in said["look"]] == ["look", "futility", "look"]
    assert said["end"][0][0] == "detected"
    assert [event["outcome"] for event in events_of(case, "look")] == ["continue", "continue", "detected"]
    assert events_of(case, "finished")[-1]["reason"] == "detected"
    # A pause goes on behind the look that it paused at.
    case = world.plan([f"tell {i}" for i in range(20)], "--looks", "100,150", "--max-tokens", "30", name="pause")
    said, _ = world.collect(case, "--pause-at-looks")
    assert said["end"] == "paused"
    said, _ = world.collect(case, "--pause-at-looks")
    assert said["end"] == "paused"
    said, _ = world.collect(case, "--pause-at-looks")
    assert said["end"] == "complete"
    assert [event["tokens"] for event in events_of(case, "look")] == [100, 150]
    check_directory(world, case, [f"p{i}" for i in range(20)])


@test
def lists_before_or_after_temperature(world):
    for after in (False, True):
        for api in ("chat", "completions"):
            world.server.after_temperature = after
            case = world.plan([f"tell {i}" for i in range(25)], "--temperature", "0.5", "--api", api, name=f"{api}{after}")
            world.server.forget()
            said, _ = world.collect(case)
            assert said["lists"] == ("after" if after else "before"), said
            assert len(world.server.requests) == 40 + 25 and len(events_of(case, "probe")) == 40
            assert said["requests"] == 65
    world.server.after_temperature = False
    case = world.plan(["hello"], name="one")
    said, _ = world.collect(case)
    assert "lists" not in said  # nothing to tell at temperature 1


@test
def texts_are_read(world):
    text = "Once upon a time there was a little cat that sat on a mat."
    more = ("--read", "--api", "completions", "--reference", "provider,teacher," + "0" * 64)
    case = world.plan([("t", text)], *more, "--echo")
    world.server.forget()
    world.collect(case)
    (_, prompt, body, _), = world.server.requests
    assert prompt == text and body["echo"] is True and body["max_tokens"] == 1 and body["logprobs"] == 5
    answer, = answers_of(case)
    assert answer["id"] == "t#0" and answer["class"] == "ok" and len(answer["ids"]) > 5
    ids = answer["ids"]
    case = world.plan([("t", text)], *more, name="positions")
    world.server.forget()
    world.collect(case)
    answers = answers_of(case)
    assert len(answers) == len(world.server.requests) == len(ids) - 2  # a window of two stands before each
    assert {answer["id"] for answer in answers} == {f"t#{i}" for i in range(2, len(ids))}
    for answer in answers:
        assert answer["ids"] == [ids[int(answer["id"].split("#")[1])]] and answer["class"] == "ok"
    shown = sorted((prompt for _, prompt, _, _ in world.server.requests), key=len)
    assert all(text.startswith(prompt) and len(prompt) < len(text) for prompt in shown) and len(set(shown)) == len(shown)
    assert "echo" not in world.server.requests[0][2]


@test
def requests_say_what_was_planned(world):
    system = world.folder / "system.txt"
    system.write_text("You are terse.")
    case = world.plan(["hello"], "--temperature", "0.7", "--top-p", "0.95", "--max-tokens", "33", "--lists", "3", "--system", system, "--answers", "2")
    world.server.forget()
    world.collect(case)
    bodies = [body for _, _, body, _ in world.server.requests if body["max_tokens"] == 33]
    assert len(bodies) == 2 and bodies[0] == {
        "model": "s-1", "messages": [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "hello"}], "max_tokens": 33,
        "temperature": 0.7, "top_p": 0.95, "logprobs": True, "top_logprobs": 3}
    assert {answer["id"] for answer in answers_of(case)} == {"p0#0", "p0#1"}


@test
def the_api_key_goes_to_the_endpoint_alone(world):
    secret = "sk-8f2b77example"
    key = world.folder / "key"
    key.write_text(secret + "\n")
    key.chmod(0o600)
    case = world.plan(["hello", "[fails:503,1] x"])
    world.server.forget()
    child = subprocess.run(world.collect_command(case, "--api-key-file", key), capture_output=True, text=True, timeout=60, check=True)
    assert all(authorization == f"Bearer {secret}" for _, _, _, authorization in world.server.requests)
    stored = b"".join(path.read_bytes() for path in case.iterdir())
    assert secret not in child.stdout + child.stderr and secret.encode() not in stored
    case = world.plan(["hello"], name="env")
    world.server.forget()
    world.collect(case, "--api-key-env", "SUSPECT_KEY", env={**os.environ, "SUSPECT_KEY": secret})
    assert world.server.requests[0][3] == f"Bearer {secret}"
    case = world.plan(["hello"], name="wrong")
    key.chmod(0o644)
    _, err = world.collect(case, "--api-key-file", key, expect=3)
    assert "unsafe" in err and secret not in err
    _, err = world.collect(case, "--api-key-env", "NO_SUCH_VARIABLE", expect=3)
    key.write_text("two\nlines\n")
    key.chmod(0o600)
    _, err = world.collect(case, "--api-key-file", key, expect=3)
    assert "lines" not in err.replace("one line", "")


@test
def no_prompt_and_no_answer_on_stderr(world):
    case = world.plan(["MARKER-ONE hello", "[status:400] MARKER-TWO", "[garbage:MARKER-THREE] x"])
    _, err = world.run(case)
    assert "MARKER" not in err and " cat" not in err, err


@test
def certificates_are_verified(world):
    if not shutil.which("openssl"):
        print("  skipped: no openssl to make a certificate with")
        return
    pem = world.folder / "self.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(pem), "-out", str(world.folder / "cert.pem"), "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (world.folder / "cert.pem").read_text())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case = world.plan(["hello"], url=f"https://localhost:{server.server_address[1]}")
    _, err = world.collect(case, expect=3)
    assert "certificate cannot be verified" in err and answers_of(case) == []


@test
def a_change_of_the_files_is_refused_and_can_be_recorded(world):
    case = world.plan([f"tell {i}" for i in range(4)], "--budget", "requests=2")
    world.collect(case)
    path = case / "investigation.json"
    path.write_text(path.read_text().replace('"requests":2', '"requests":4'))
    done = subprocess.run(world.collect_command(case), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "error: plan: " in done.stderr and "investigation.budget.requests" in done.stderr, done.stderr
    said, err = world.collect(case, "--deviate", "the budget was too small")
    assert said["end"] == "complete" and "investigation.budget.requests" in err
    check_directory(world, case, [f"p{i}" for i in range(4)])
    deviation, = events_of(case, "deviation")
    assert deviation["reason"] == "the budget was too small" and deviation["changed"] == ["investigation.budget.requests"]
    _, err = world.collect(case)
    assert "deviation of " in err and "too small" in err


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, type=pathlib.Path)
    parser.add_argument("--run", required=True, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    chosen = [each for each in TESTS if arguments.only in each.__name__]
    assert chosen, "no test of that name"
    failed = 0
    for each in chosen:
        with tempfile.TemporaryDirectory(prefix="verdigris-collect-") as folder:
            world = World(arguments, pathlib.Path(folder))
            start = time.monotonic()
            try:
                each(world)
                result = "ok"
            except Exception as error:  # a test may fail in any way
                failed += 1
                result = f"FAILED: {type(error).__name__}: {str(error)[:2000]}"
            world.server.shutdown()
            print(f"{each.__name__}: {result} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
