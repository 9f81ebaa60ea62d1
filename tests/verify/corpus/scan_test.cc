// Whole scans (corpus.md K2, K3, K4, K16): what threads, shards, order, repetition and kills must not change, and what a
// directory does with files that are not what they should be. Unit files are compared byte by byte; the evidence root is a
// function of them.
#include "verify/corpus/scan.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>
#include <zstd.h>

#include "tests/gzip.h"
#include "tests/no_threads.h"
#include "tests/temporary_folder.h"
#include "tests/watermark/testing.h"
#include "verify/corpus/merge.h"
#include "verify/corpus/null_corpus.h"
#include "verify/file.h"
#include "verify/record/merkle.h"
#include "verify/text/sentencepiece.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

namespace fs = std::filesystem;

void WriteAll(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string Zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

// A corpus of several formats, some 300 documents of 0 to 20,000 bytes, with repetitions, ill-formed bytes and records that fail.
void WriteCorpus(const TemporaryFolder& folder) {
  const std::string source = ReadBytes(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_corpus.txt");
  std::mt19937_64 random(3);
  const auto text = [&] {
    const size_t length = random() % 7 == 0 ? random() % 20000 : random() % 900;
    std::string out;
    while (out.size() < length) out += source.substr(random() % (source.size() - 100), 1 + random() % 100);
    out.erase(std::remove_if(out.begin(), out.end(), [](unsigned char c) { return c >= 0x80; }), out.end());
    return out;
  };
  const auto lines = [&](size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) {
      if (random() % 20 == 0) out += "{\"no\":\"text\"}\n";
      if (random() % 20 == 0) out += "broken\n";
      nlohmann::json line = {{"id", std::to_string(i)}, {"text", text()}, {"url", "https://" + std::string(1, static_cast<char>('a' + random() % 5)) + ".example/" + std::to_string(i)}};
      out += line.dump() + "\n";
    }
    return out;
  };
  WriteAll(folder / "a.jsonl", lines(80));
  WriteAll(folder / "b.jsonl.gz", Gzip(lines(60)) + Gzip(lines(20)));
  WriteAll(folder / "c.jsonl.zst", Zstd(lines(80)));
  WriteAll(folder / "d.txt", text() + "\xFF" + text());
  WriteAll(folder / "e.jsonl", "");
}

struct World {
  std::unique_ptr<Tokenizer> tokenizer = std::move(*LoadSentencePiece(ReadBytes(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model")));
  Profile profile = [this] {
    auto object = SchemeObject(*FindScheme("green"), tokenizer->vocab());
    object["tokenizer_sha256"] = Hex(tokenizer->digest());
    return *MakeProfile(object);
  }();
  KeyFile key = LayerKeyFile(profile, KeyRole::kProvider, TestKey("corpus scan", 0));
  JudgeKeys keys = [this] {
    const KeyFile* pointer = &key;
    return *JudgeKeys::Create(profile, {&pointer, 1}, false);
  }();
  RunObject run;
  ScanSetup setup;
  ReadOptions read;
  GroupNamer namer = *GroupNamer::Create("none");

  explicit World(uint64_t unit_bytes = 16384, const std::string& group_by = "none") {
    run.profile = profile.digest();
    run.tests = TestsOf(keys, false);
    run.tokenizer = tokenizer->digest();
    run.tau_hundredths = 100;  // of unmarked text one document in ten is a row
    run.min_scored = 20;
    run.group.by = group_by;
    namer = *GroupNamer::Create(group_by);
    read.group_field = namer.field();
    read.unit_bytes = unit_bytes;
    setup.keys = &keys;
    setup.run = &run;
    setup.tokenizer = tokenizer.get();
    setup.places = PlacesOf(keys, run);
    if (namer.pools()) setup.fingerprinters.push_back({std::make_shared<const Fingerprinter>(*Fingerprinter::Create(key.key)), nullptr});
  }
  World(const World&) = delete;
};

struct Listed : InputSink {
  bool OnInput(Input input) override {
    inputs.push_back(std::move(input));
    return true;
  }
  bool OnFailure(InputFailure) override { return true; }
  std::vector<Input> inputs;
};

std::vector<Input> List(const World& world, const TemporaryFolder& corpus) {
  Listed listed;
  ListOptions options;
  options.base = corpus.path();
  options.read = world.read;
  const std::vector<std::string> paths = {corpus.path()};
  REQUIRE(ListInputs(paths, "", options, listed).has_value());
  std::sort(listed.inputs.begin(), listed.inputs.end(), [](const Input& a, const Input& b) { return a.uri < b.uri; });
  return listed.inputs;
}

struct Outcome {
  std::optional<Error> fatal;
  std::vector<InputFailure> failures;
  ScanProgress progress;
};

Outcome RunScan(const World& world, const std::vector<Input>& inputs, const std::string& out, const ScanOptions& options,
                const std::function<void()>& before_rename = {}) {
  auto directory = ScanDirectory::Open(out, world.run, "{}");
  REQUIRE(directory.has_value());
  directory->before_rename = before_rename;
  Scan scan(world.setup, *directory, inputs, world.read, world.namer, options);
  scan.Start();
  while (!scan.WaitFor(std::chrono::milliseconds(1000))) {
  }
  return {scan.fatal(), scan.TakeFailures(), scan.progress()};
}

// Unit files by their names.
std::map<std::string, std::string> Units(const std::string& out) {
  std::map<std::string, std::string> units;
  for (const auto& entry : fs::recursive_directory_iterator(out + "/done")) {
    if (entry.is_regular_file()) units[entry.path().filename().string()] = ReadBytes(entry.path().string());
  }
  return units;
}

}  // namespace

TEST_CASE("a scan that gets no thread ends with an error; one that is given up stops") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  const auto inputs = List(world, corpus);
  ScanOptions options;
  options.threads = 4;
  if (NoThreads::kHolds) {
    const NoThreads none;
    const Outcome outcome = RunScan(world, inputs, out / "none", options);
    REQUIRE(outcome.fatal);
    CHECK(outcome.fatal->kind == ErrorKind::kInternal);
  }
  auto directory = ScanDirectory::Open(out / "left", world.run, "{}");
  REQUIRE(directory.has_value());
  std::atomic<bool> reached = false;
  directory->before_rename = [&] {
    reached = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  options.threads = 1;
  {
    Scan scan(world.setup, *directory, inputs, world.read, world.namer, options);
    scan.Start();
    while (!reached) std::this_thread::yield();
  }
  CHECK(Units(out / "left").size() == 1);
}

TEST_CASE("threads, shards in any order and some twice: the same unit files, byte by byte") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  for (const char* group_by : {"none", "host"}) {
    CAPTURE(group_by);
    const World world(16384, group_by);
    const std::vector<Input> inputs = List(world, corpus);
    REQUIRE(inputs.size() == 5);
    const std::string base = out / (std::string("base-") + group_by);
    const Outcome first = RunScan(world, inputs, base, {});
    REQUIRE(!first.fatal);
    CHECK(first.failures.empty());
    const auto expected = Units(base);
    CHECK(expected.size() > 20);
    CHECK(first.progress.units_done == expected.size());
    CHECK(first.progress.bytes_done == first.progress.bytes_total);
    CHECK(first.progress.hits > 5);
    CHECK(first.progress.failed > 5);
    for (const auto& [name, bytes] : expected) {
      const auto file = UnitFile::FromMemory(bytes);
      REQUIRE(file.has_value());
      CHECK(file->Check(&world.run).has_value());
      CHECK(name == Hex(UnitId(file->summary().unit)) + ".unit");
    }
    for (const size_t threads : {2, 7}) {
      ScanOptions options;
      options.threads = threads;
      const std::string name = out / ("threads-" + std::to_string(threads) + group_by);
      CHECK(!RunScan(world, inputs, name, options).fatal);
      CHECK((Units(name) == expected));
    }
    std::mt19937_64 random(4);
    for (const uint64_t shards : {7, 64}) {
      std::vector<uint64_t> order;
      for (uint64_t i = 0; i < shards; ++i) order.push_back(i);
      for (uint64_t i = 0; i < 3; ++i) order.push_back(random() % shards);
      std::shuffle(order.begin(), order.end(), random);
      const std::string name = out / ("shards-" + std::to_string(shards) + group_by);
      for (const uint64_t shard : order) {
        ScanOptions options;
        options.shard = shard;
        options.shards = shards;
        options.threads = 1 + shard % 2;
        CHECK(!RunScan(world, inputs, name, options).fatal);
      }
      CHECK((Units(name) == expected));
    }
    // Nothing is done twice.
    const Outcome again = RunScan(world, inputs, base, {});
    CHECK(again.progress.units_done == 0);
    CHECK(again.progress.units_passed == expected.size());
    // A unit by itself is the unit of the scan.
    for (const Input& input : inputs) {
      const auto unit = ComputeUnit(world.setup, input, world.read, world.namer, base + "/tmp", 0);
      REQUIRE(unit.has_value());
      CHECK((*unit == expected.at(Hex(UnitId(UnitOf(input, world.read, 0))) + ".unit")));
    }
  }
}

TEST_CASE("units of any size: each document in exactly one, with the same numbers") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  std::map<std::string, std::string> expected;  // place of a row -> what it says
  uint64_t documents = 0, tested = 0, failed = 0;
  std::mt19937_64 random(5);
  for (const uint64_t unit_bytes : {uint64_t{1024}, uint64_t{4096}, uint64_t{1} << 20, 700 + random() % 50000}) {
    CAPTURE(unit_bytes);
    const World world(unit_bytes);
    const std::vector<Input> inputs = List(world, corpus);
    const std::string name = out / std::to_string(unit_bytes);
    ScanOptions options;
    options.threads = 2;
    REQUIRE(!RunScan(world, inputs, name, options).fatal);
    std::map<std::string, std::string> rows;
    uint64_t all = 0, with_tests = 0, without = 0;
    std::map<std::string, std::set<uint64_t>> segments;
    std::map<std::string, uint64_t> last;
    for (const auto& [id, bytes] : Units(name)) {
      const UnitFile file = *UnitFile::FromMemory(bytes);
      const UnitSummary& summary = file.summary();
      all += summary.counts.documents;
      with_tests += summary.counts.tested;
      without += summary.counts.failed;
      CHECK(segments[summary.unit.uri].insert(summary.unit.segment).second);
      if (summary.last) last[summary.unit.uri] = summary.unit.segment;
      const auto listed = ForEachRow(file.source(), file.layout(), [&](DocRow row) -> Result<void> {
        const std::string place = summary.unit.uri + " " + std::to_string(row.offset) + " " + std::to_string(row.part);
        row.ordinal = 0;  // within the segment
        CHECK(rows.emplace(place, DocRowJson(row)).second);
        return {};
      });
      CHECK(listed.has_value());
    }
    // 0..L of every input, and L says so.
    for (const Input& input : inputs) {
      CAPTURE(input.uri);
      REQUIRE(last.contains(input.uri));
      CHECK(segments[input.uri].size() == last[input.uri] + 1);
      CHECK(*segments[input.uri].rbegin() == last[input.uri]);
    }
    if (expected.empty()) {
      expected = rows;
      documents = all;
      tested = with_tests;
      failed = without;
      CHECK(rows.size() > 5);
      CHECK(documents == 241);
    }
    CHECK((rows == expected));
    CHECK(all == documents);
    CHECK(with_tests == tested);
    CHECK(without == failed);
  }
}

namespace {

// Runs the scan in a process that is killed: by itself before the n-th rename, or from outside after some time. Whether it was.
bool RunAndKill(const World& world, const std::vector<Input>& inputs, const std::string& out, int before_rename, std::chrono::microseconds after) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::atomic<int> renames = 0;
    auto directory = ScanDirectory::Open(out, world.run, "{}");
    if (!directory) ::_exit(3);
    if (before_rename > 0) {
      directory->before_rename = [&] {
        if (++renames == before_rename) ::kill(::getpid(), SIGKILL);
      };
    }
    ScanOptions options;
    options.threads = 2;
    bool failed = false;
    {
      Scan scan(world.setup, *directory, inputs, world.read, world.namer, options);
      scan.Start();
      while (!scan.WaitFor(std::chrono::milliseconds(1000))) {
      }
      failed = scan.fatal().has_value();
    }
    ::_exit(failed ? 4 : 0);
  }
  if (before_rename == 0) {
    std::this_thread::sleep_for(after);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) return true;
  CHECK(WEXITSTATUS(status) == 0);
  return false;
}

void KillOften(int by_hook, int by_time) {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world(4096, "host");
  const std::vector<Input> inputs = List(world, corpus);
  const std::string base = out / "base";
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(!RunScan(world, inputs, base, {}).fatal);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  const auto expected = Units(base);
  std::mt19937_64 random(6);
  int killed = 0;
  std::string name;
  for (int i = 0; i < by_hook + by_time; ++i) {
    if (i % 10 == 0) name = out / ("killed-" + std::to_string(i));  // some directories are killed in again and again
    const int before_rename = i < by_hook ? 1 + static_cast<int>(random() % 8) : 0;
    killed += RunAndKill(world, inputs, name, before_rename, std::chrono::microseconds(random() % static_cast<uint64_t>(whole.count())));
    // What is there is whole.
    for (const auto& [id, bytes] : Units(name)) CHECK((expected.at(id) == bytes));
    if (i % 10 == 9 || i + 1 == by_hook + by_time) {
      CHECK(!RunScan(world, inputs, name, {}).fatal);
      CHECK((Units(name) == expected));
      // Nothing of the dead is left.
      CHECK(fs::is_empty(name + "/tmp"));
    }
  }
  CHECK(killed > (by_hook + by_time) / 4);
}

}  // namespace

TEST_CASE("kill -9: what is there is whole, the same command goes on, the result is that of an undisturbed run") { KillOften(5, 5); }

TEST_CASE("slow: kill -9 at 100 points, 20 of them between fsync and rename") { KillOften(20, 80); }

TEST_CASE("unit files that are not what they should be are moved away and done again") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  const std::vector<Input> inputs = List(world, corpus);
  const std::string name = out / "run";
  REQUIRE(!RunScan(world, inputs, name, {}).fatal);
  const auto expected = Units(name);
  const auto path = [&](const std::string& id) { return name + "/done/" + id.substr(0, 2) + "/" + id; };
  auto unit = expected.begin();
  WriteAll(path(unit->first), unit->second.substr(0, unit->second.size() - 1));
  ++unit;
  WriteAll(path(unit->first), "");
  ++unit;
  std::string flipped = unit->second;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  WriteAll(path(unit->first), flipped);
  ++unit;
  WriteAll(path(unit->first), expected.begin()->second);  // another unit under this name
  const Outcome again = RunScan(world, inputs, name, {});
  CHECK(!again.fatal);
  CHECK(again.failures.size() == 4);
  CHECK(again.progress.units_done == 4);
  CHECK((Units(name) == expected));
}

TEST_CASE("a unit done with other bytes is a contradiction: the scan ends, what was there stays") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  const std::vector<Input> inputs = List(world, corpus);
  const std::string name = out / "run";
  const std::string id = Hex(UnitId(UnitOf(inputs.front(), world.read, 0)));
  const std::string path = name + "/done/" + id.substr(0, 2) + "/" + id + ".unit";
  // Another process is faster.
  const Outcome outcome = RunScan(world, inputs, name, {}, [&] {
    fs::create_directories(fs::path(path).parent_path());
    if (!fs::exists(path)) WriteAll(path, "other bytes");
  });
  REQUIRE(outcome.fatal.has_value());
  CHECK(outcome.fatal->kind == ErrorKind::kMismatch);
  CHECK(outcome.fatal->message.find(id) != std::string::npos);
  CHECK(ReadBytes(path) == "other bytes");
  CHECK(fs::is_empty(name + "/tmp"));
}

TEST_CASE("an input that changed after it was listed fails, and the others do not") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  const std::vector<Input> inputs = List(world, corpus);
  WriteAll(corpus / "a.jsonl", ReadBytes(corpus / "a.jsonl"));
  const Outcome written_again = RunScan(world, inputs, out / "again", {});
  REQUIRE(!written_again.failures.empty());
  CHECK(written_again.failures[0].text.find("written again") != std::string::npos);
  WriteAll(corpus / "a.jsonl", ReadBytes(corpus / "a.jsonl") + "{\"text\":\"more\"}\n");
  const std::string name = out / "run";
  ScanOptions options;
  const Outcome outcome = RunScan(world, inputs, name, options);
  CHECK(!outcome.fatal);
  REQUIRE(!outcome.failures.empty());
  for (const InputFailure& failure : outcome.failures) {
    CHECK(failure.code == "changed");
    CHECK(failure.uri == "a.jsonl");
  }
  std::set<std::string> done;
  for (const auto& [id, bytes] : Units(name)) done.insert(UnitFile::FromMemory(bytes)->summary().unit.uri);
  CHECK((done == std::set<std::string>{"b.jsonl.gz", "c.jsonl.zst", "d.txt", "e.jsonl"}));
  options.stop_on_error = true;
  const Outcome stopped = RunScan(world, inputs, out / "stopped", options);
  CHECK(stopped.failures.size() == 1);
  CHECK(Units(out / "stopped").empty());
}

TEST_CASE("a damaged input: its unit is broken and holds what came before, resuming says so again") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const std::string whole = ReadBytes(corpus / "c.jsonl.zst");
  WriteAll(corpus / "c.jsonl.zst", whole.substr(0, whole.size() * 3 / 4));
  const World world;
  const std::vector<Input> inputs = List(world, corpus);
  for (int start = 0; start < 2; ++start) {
    const Outcome outcome = RunScan(world, inputs, out / "run", {});
    CHECK(!outcome.fatal);
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures.front().code == "broken");
    CHECK(outcome.failures.front().uri == "c.jsonl.zst");
  }
  uint64_t broken = 0;
  for (const auto& [id, bytes] : Units(out / "run")) {
    const UnitFile file = *UnitFile::FromMemory(bytes);
    CHECK(file.Check(&world.run).has_value());
    if (!file.summary().broken) continue;
    ++broken;
    CHECK(file.summary().last);
    CHECK(file.summary().counts.errors.at("corrupt") == 1);
  }
  CHECK(broken == 1);
}

TEST_CASE("another run in the same directory is refused, naming the member; alpha and control may differ") {
  const TemporaryFolder out;
  const World world;
  REQUIRE(ScanDirectory::Open(out / "run", world.run, "{}").has_value());
  RunObject other = world.run;
  other.min_scored = 21;
  const auto refused = ScanDirectory::Open(out / "run", other, "{}");
  REQUIRE(!refused.has_value());
  CHECK(refused.error().kind == ErrorKind::kMismatch);
  CHECK(refused.error().message.find("min_scored") != std::string::npos);
  other = world.run;
  other.alpha_log10_e4 = -30000;
  CHECK(ScanDirectory::Open(out / "run", other, "{}").has_value());
  CHECK((**ReadRun(out / "run") == other));
}

TEST_CASE("a list of inputs that is there is compared") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  std::vector<Input> inputs = List(world, corpus);
  const auto directory = *ScanDirectory::Open(out / "run", world.run, "{}");
  const auto now = [&] {
    UnitList list;
    list.run = RunDigest(world.run);
    for (const Input& input : inputs) list.inputs.push_back({UnitOf(input, world.read, 0), input.mtime_ns, input.seekable, input.segments});
    return list;
  };
  const auto message = [&](bool ignore_mtime) {
    const auto set = directory.SetList(now(), ignore_mtime);
    return set ? std::string() : set.error().message;
  };
  CHECK(message(false).empty());
  CHECK(message(false).empty());
  ++inputs[1].mtime_ns;
  CHECK(message(false).find("b.jsonl.gz was written to") != std::string::npos);
  CHECK(message(true).empty());
  ++inputs[1].size;
  CHECK(message(true).find("b.jsonl.gz has") != std::string::npos);
  --inputs[1].size;
  inputs.pop_back();
  CHECK(message(true).find("e.jsonl is not there") != std::string::npos);
  inputs.erase(inputs.begin());
  CHECK(message(true).find("a.jsonl is not there") != std::string::npos);
}

TEST_CASE("no key, in any spelling, is in the directory of a run") {
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world(16384, "host");
  REQUIRE(!RunScan(world, List(world, corpus), out / "run", {}).fatal);
  const auto secret = world.key.key.secret();
  const std::string raw(secret.begin(), secret.end());
  const std::string hex = Hex(secret);
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(out / "run")) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string bytes = ReadBytes(entry.path().string());
    for (size_t at = 0; at + 8 <= raw.size(); at += 8) CHECK(bytes.find(raw.substr(at, 8)) == std::string::npos);
    for (size_t at = 0; at + 16 <= hex.size(); at += 16) CHECK(bytes.find(hex.substr(at, 16)) == std::string::npos);
  }
  CHECK(files > 20);
}

TEST_CASE("a null corpus: every document in the order of the inputs, with its group, and the evidence root of a scan") {
  struct Heard : NullCorpusSink {
    Result<void> OnDocument(std::span<const uint8_t> content, std::span<const uint32_t> ids, const std::string& group) override {
      texts.emplace_back(content.begin(), content.end());
      tokens += ids.size();
      groups.insert(group);
      return {};
    }
    void OnFailed() override { ++failed; }
    bool WantsMore() const override { return texts.size() < most; }
    void OnInputDone(size_t input) override { done = input + 1; }
    size_t most = SIZE_MAX;
    std::vector<std::string> texts;
    std::set<std::string> groups;
    uint64_t tokens = 0, failed = 0;
    size_t done = 0;
  };
  const TemporaryFolder corpus, out;
  WriteCorpus(corpus);
  const World world;
  const std::vector<Input> inputs = List(world, corpus);
  const Outcome scanned = RunScan(world, inputs, out / "run", {});
  MerkleTree tree;
  for (const auto& [name, bytes] : Units(out / "run")) tree.Add(AsBytes(std::string_view(bytes).substr(0, bytes.find('\n'))));

  const GroupNamer hosts = *GroupNamer::Create("host");
  ReadOptions read = world.read;
  read.group_field = hosts.field();
  Heard all;
  const NullCorpus whole = *ReadNullCorpus(world.setup, inputs, read, hosts, out.path(), all);
  CHECK(whole.root == EvidenceRoot(RunDigest(world.run), tree.Root(), tree.leaves()));
  CHECK(whole.units == tree.leaves());
  CHECK(whole.failures.empty());
  CHECK(all.tokens == scanned.progress.tokens);
  CHECK(all.failed == whole.failed_records);
  CHECK(whole.failed_records == scanned.progress.failed);
  CHECK(whole.failed_records > 0);
  CHECK(all.done == inputs.size());
  CHECK(all.groups.size() == 6);  // five hosts, and the text that has none
  CHECK(all.groups.contains("a.example"));
  std::vector<std::string> of_first;
  std::ifstream lines(corpus / "a.jsonl");
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("text")) of_first.push_back(json["text"]);
  }
  REQUIRE(all.texts.size() > of_first.size());
  CHECK(std::equal(of_first.begin(), of_first.end(), all.texts.begin()));

  Heard some;
  some.most = of_first.size() + 7;
  const NullCorpus cut = *ReadNullCorpus(world.setup, inputs, read, hosts, out.path(), some);
  CHECK(some.texts == std::vector<std::string>(all.texts.begin(), all.texts.begin() + static_cast<std::ptrdiff_t>(some.most)));
  CHECK(cut.units < whole.units);
  CHECK(cut.units > 0);
  CHECK(cut.root != whole.root);
}
