// First-seen assignment, from the texts of a corpus to its results: against a definition that holds all texts in memory and judges
// them by JudgeText, whatever the threads, shards and memory; unit files that lie; and the level over keys of documents that copy
// each other.
#include "verify/corpus/first_seen.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "tests/bands.h"
#include "tests/verify/corpus/corpus_files.h"
#include "tests/verify/corpus/unit_run.h"
#include "verify/corpus/merge.h"
#include "verify/corpus/scan.h"
#include "verify/file.h"
#include "verify/judge.h"
#include "verify/text/normalize.h"
#include "verify/text/sentencepiece.h"
#include "verify/variants.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

std::vector<DocumentResult> RowsOf(const std::string& folder) {
  std::vector<DocumentResult> rows;
  auto reader = *ResultReader<DocumentResult>::Open(folder + "/results.jsonl");
  for (DocumentResult row; *reader.Next(row);) rows.push_back(row);
  return rows;
}

// ---- scans

// Keys and all that a scan wants of them.
struct Judge {
  Profile profile;
  std::vector<KeyFile> files;
  JudgeKeys keys;
  RunObject run;
  ScanSetup setup;
  ReadOptions read;
  GroupNamer namer = *GroupNamer::Create("none");

  Judge(Profile of, std::vector<KeyFile> key_files, bool normalised)
      : profile(std::move(of)), files(std::move(key_files)), keys([this] {
          std::vector<const KeyFile*> pointers;
          for (const KeyFile& file : files) pointers.push_back(&file);
          return *JudgeKeys::Create(profile, pointers, false);
        }()) {
    run.first_seen = true;
    run.group.keep = 0;
    run.profile = profile.digest();
    run.tests = TestsOf(keys, normalised);
    setup.keys = &keys;
    setup.run = &run;
    setup.places = PlacesOf(keys, run);
    const auto fingerprinter = [&](bool used, const std::string& kid) -> std::shared_ptr<const Fingerprinter> {
      if (!used) return nullptr;
      const auto file = std::find_if(files.begin(), files.end(), [&](const KeyFile& each) { return each.kid() == kid; });
      return std::make_shared<const Fingerprinter>(*Fingerprinter::Create(file->key));
    };
    for (const JudgeKeys::Test& test : keys.tests()) {
      setup.fingerprinters.push_back({fingerprinter(test.provider, test.layers.kid(Layer::kProvider)), fingerprinter(test.account, test.layers.kid(Layer::kAccount))});
    }
  }
  Judge(const Judge&) = delete;

  std::vector<Input> Inputs(const TemporaryFolder& corpus) const {
    ListOptions options;
    options.base = corpus.path();
    options.read = read;
    auto inputs = List({corpus.path()}, options).inputs;
    std::sort(inputs.begin(), inputs.end(), [](const Input& a, const Input& b) { return a.uri < b.uri; });
    return inputs;
  }

  void Scan(const std::vector<Input>& inputs, const std::string& out, const ScanOptions& options) const {
    const auto directory = ScanDirectory::Open(out, run, profile.bytes());
    REQUIRE(directory);
    UnitList list;
    list.run = RunDigest(run);
    for (const Input& input : inputs) list.inputs.push_back({UnitOf(input, read, 0), input.mtime_ns, input.seekable, input.segments});
    REQUIRE(directory->SetList(list, false));
    verify::Scan scan(setup, *directory, inputs, read, namer, options);
    scan.Start();
    while (!scan.WaitFor(std::chrono::milliseconds(1000))) {
    }
    REQUIRE(!scan.fatal());
    REQUIRE(scan.TakeFailures().empty());
  }
};

Result<Merged> MergeInto(std::vector<std::string> directories, const std::string& output, uint64_t memory_bytes = uint64_t{64} << 20, bool partial = false) {
  MergeOptions options;
  options.directories = std::move(directories);
  options.output = output;
  options.memory_bytes = memory_bytes;
  options.partial = partial;
  return MergeCorpus(options);
}

// ---- the definition

struct Text {
  std::string uri;
  Digest unit;
  uint64_t segment, ordinal, part;
  std::string bytes;
};

struct Judged {
  std::string uri;
  uint64_t segment, ordinal, part, test, n;
  Statistic s;
  double log10_p;
};

struct Definition {
  std::vector<Judged> tested;
  uint64_t documents = 0;  // with a test
  uint64_t fewer = 0;      // tests of documents that have fewer tuples than by themselves
};

Definition Define(const Judge& judge, const Tokenizer& tokenizer, const Normaliser& normaliser, std::vector<Text> texts) {
  std::sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return std::tie(a.unit, a.ordinal, a.part) < std::tie(b.unit, b.ordinal, b.part); });
  const size_t h = judge.profile.window();
  const NullLaw law = judge.profile.scheme().null_law(judge.profile);
  std::map<uint64_t, std::set<std::vector<uint32_t>>> seen;  // by test
  Definition out;
  Scratch scratch;
  for (const Text& text : texts) {
    bool document = false;
    for (const bool normalised : {false, true}) {
      std::vector<Token> tokens;
      if (normalised) {
        if (!*EncodeNormalised(normaliser, tokenizer, text.bytes, scratch, tokens)) continue;
      } else {
        REQUIRE(tokenizer.Encode(text.bytes, scratch, tokens));
      }
      std::vector<uint32_t> ids;
      for (const Token& token : tokens) ids.push_back(token.id);
      std::vector<std::vector<TokenState>> traces;
      const auto findings = *JudgeText(judge.keys, ids, {}, &traces);
      for (size_t i = 0; i < findings.size(); ++i) {
        if (findings[i].n < judge.run.min_scored) continue;
        const uint64_t test = normalised ? *judge.setup.places[i].normalised : judge.setup.places[i].as_is;
        Judged mine{text.uri, text.segment, text.ordinal, text.part, test, 0, 0, 0};
        for (size_t t = h; t < ids.size(); ++t) {
          if (traces[i][t].kind != TokenState::Kind::kScored) continue;
          const std::vector<uint32_t> tuple(ids.begin() + static_cast<std::ptrdiff_t>(t - h), ids.begin() + static_cast<std::ptrdiff_t>(t + 1));
          if (!seen[test].insert(tuple).second) continue;
          ++mine.n;
          mine.s += traces[i][t].score;
        }
        out.fewer += mine.n < findings[i].n;
        if (mine.n < judge.run.min_scored) continue;
        mine.log10_p = Log10UpperTail(law, mine.n, mine.s);
        out.tested.push_back(mine);
        document = true;
      }
    }
    out.documents += document;
  }
  std::sort(out.tested.begin(), out.tested.end(), [](const Judged& a, const Judged& b) {
    return std::tie(a.uri, a.segment, a.ordinal, a.part, a.test) < std::tie(b.uri, b.segment, b.ordinal, b.part, b.test);
  });
  return out;
}

void CheckAgainst(const Definition& expected, const Judge& judge, const Merged& merged, const std::string& folder) {
  const NullLaw law = judge.profile.scheme().null_law(judge.profile);
  std::vector<double> log10_p;
  std::vector<const Judged*> rows;
  for (size_t test = 0; test < judge.run.tests.size(); ++test) {
    CAPTURE(test);
    std::vector<uint64_t> histogram(static_cast<size_t>(judge.run.tau_hundredths)), uniform(kUniformBins), lengths;
    uint64_t m = 0;
    for (const Judged& each : expected.tested) {
      if (each.test != test) continue;
      ++m;
      log10_p.push_back(each.log10_p);
      const PlaceOfP place = FindPlaceExactly(law, each.n, each.s, judge.run.tau_hundredths);
      if (!place.row) ++histogram[place.bin];
      ++uniform[place.uniform];
      const auto length = static_cast<size_t>(std::log2(each.n));
      if (lengths.size() <= length) lengths.resize(length + 1);
      ++lengths[length];
    }
    const TestSummary& summary = merged.summary.tests[test];
    CHECK(summary.m == m);
    CHECK(summary.histogram == histogram);
    CHECK(summary.uniform == uniform);
    CHECK(summary.lengths == lengths);
  }
  CHECK(merged.summary.counts.at("tested") == expected.documents);
  CHECK(merged.summary.counts.at("tested") + merged.summary.counts.at("untested") == merged.summary.counts.at("parts"));
  const Rejections all = Reject(Control::kBenjaminiHochberg, log10_p, log10_p.size(), judge.run.log10_alpha());
  const double last = all.rejected == 0 ? -INFINITY : log10_p[all.order[all.rejected - 1]];

  for (const Judged& each : expected.tested) {
    if (FindPlaceExactly(law, each.n, each.s, judge.run.tau_hundredths).row) rows.push_back(&each);
  }
  const std::vector<DocumentResult> found = RowsOf(folder);
  REQUIRE(found.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i].uri == rows[i]->uri);
    CHECK(found[i].segment == rows[i]->segment);
    CHECK(found[i].ordinal == rows[i]->ordinal);
    CHECK(found[i].part == rows[i]->part);
    CHECK(found[i].test == rows[i]->test);
    CHECK(found[i].n == rows[i]->n);
    CHECK(found[i].s == DecimalText(rows[i]->s));
    CHECK(found[i].finding == (rows[i]->log10_p <= last));
    CHECK(found[i].counts.scored >= found[i].n);
  }
}

// ---- corpora of shared passages

std::string Words(std::mt19937_64& random, size_t bytes) {
  std::string out;
  while (out.size() < bytes) {
    for (uint64_t letters = 2 + random() % 7; letters > 0; --letters) out += static_cast<char>('a' + random() % 26);
    out += ' ';
  }
  return out;
}

// The passage of 40 that scores highest under the first of the tests.
std::string MarkedWords(std::mt19937_64& random, const Judge& judge, const Tokenizer& tokenizer) {
  std::string best;
  double least = 1;
  for (int i = 0; i < 40; ++i) {
    const std::string words = Words(random, 200);
    Scratch scratch;
    std::vector<Token> tokens;
    REQUIRE(tokenizer.Encode(words, scratch, tokens));
    std::vector<uint32_t> ids;
    for (const Token& token : tokens) ids.push_back(token.id);
    const double log10_p = JudgeText(judge.keys, ids, {}, nullptr)->front().log10_p;
    if (log10_p < least) best = words, least = log10_p;
  }
  return best;
}

// Writes three files of JSON lines, whose documents are made of passages that many of them have; a text in as many parts as the run
// cuts it into.
std::vector<Text> WriteCorpus(const TemporaryFolder& folder, const Judge& judge, const Tokenizer& tokenizer, std::mt19937_64& random) {
  std::vector<std::string> passages, marked;
  for (int i = 0; i < 40; ++i) passages.push_back(Words(random, 40 + random() % 300));
  for (int i = 0; i < 20; ++i) marked.push_back(MarkedWords(random, judge, tokenizer));
  std::vector<Text> texts;
  std::map<std::string, std::vector<std::string>> lines;
  for (const char* name : {"a.jsonl", "b.jsonl", "c.jsonl"}) {
    std::string bytes;
    for (int i = 0; i < 50; ++i) {
      const bool fails = random() % 12 == 0, is_marked = random() % 8 == 0;
      std::string text;
      for (uint64_t parts = random() % 7; parts > 0; --parts) {
        text += is_marked ? marked[random() % 20] : random() % 3 == 0 ? Words(random, random() % 200) : passages[random() % 40];
        if (random() % 5 == 0) text += "\xE2\x80\x8B";  // that a reader does not see: the normalised form differs
      }
      lines[name].push_back(fails ? "" : text);
      bytes += (fails ? "broken" : nlohmann::json{{"text", text}}.dump()) + "\n";
    }
    folder.Write(name, bytes);
  }
  for (const Input& input : judge.Inputs(folder)) {
    uint64_t offset = 0, segment = 0, ordinal = 0;
    for (const std::string& text : lines[input.uri]) {
      const bool fails = text.empty() && ReadBytes(folder / input.uri).compare(offset, 6, "broken") == 0;
      if (offset / judge.read.unit_bytes != segment) ordinal = 0;
      segment = offset / judge.read.unit_bytes;
      offset += (fails ? 6 : nlohmann::json{{"text", text}}.dump().size()) + 1;
      if (!fails) {
        std::string_view rest = text;
        uint64_t part = 0;
        do {
          size_t size = std::min<size_t>(rest.size(), judge.run.max_doc_bytes);
          while (size < rest.size() && (static_cast<uint8_t>(rest[size]) & 0xC0) == 0x80) --size;
          texts.push_back({input.uri, UnitId(UnitOf(input, judge.read, segment)), segment, ordinal, part++, std::string(rest.substr(0, size))});
          rest.remove_prefix(size);
        } while (!rest.empty());
      }
      ++ordinal;
    }
  }
  return texts;
}

}  // namespace

TEST_CASE("what documents have first adds up, in whatever order and memory") {
  std::mt19937_64 random(31);
  for (const uint64_t memory : {0, 2000, 100'000, 1 << 24}) {
    CAPTURE(memory);
    FirstSeenCounts counts(std::filesystem::temp_directory_path().string(), memory);
    std::map<TestedDocument, std::pair<uint64_t, Statistic>> expected;
    for (int i = 0; i < 30'000; ++i) {
      const TestedDocument document{static_cast<uint32_t>(random() % 5), static_cast<uint32_t>(random() % 300), static_cast<uint32_t>(random() % 2), static_cast<uint32_t>(random() % 3)};
      const uint64_t score = random();  // a sum passes 2^64
      REQUIRE(counts.Add(document, score));
      ++expected[document].first;
      expected[document].second += score;
    }
    REQUIRE(counts.Finish());
    for (int pass = 0; pass < 2; ++pass) {
      FirstSeenReader reader = counts.Read();
      for (const auto& [document, sum] : expected) {
        const auto record = reader.Peek();
        REQUIRE(record);
        REQUIRE(record->has_value());
        REQUIRE(((*record)->document == document));
        REQUIRE((*record)->n == sum.first);
        REQUIRE(((*record)->s == sum.second));
        reader.Next();
      }
      CHECK(!reader.Peek()->has_value());
    }
  }
  FirstSeenCounts none(std::filesystem::temp_directory_path().string(), 0);
  REQUIRE(none.Finish());
  CHECK(!none.Read().Peek()->has_value());
}

TEST_CASE("random corpora with shared passages: scan and merge give each tuple to the first document, as the definition does") {
  const auto tokenizer = std::move(*LoadSentencePiece(ReadBytes(VERDIGRIS_SOURCE_DIR "/tests/data/tiny_unigram.model")));
  const Normaliser normaliser = *Normaliser::Create(kTextNormaliser);
  uint64_t fewer = 0, rows = 0, findings = 0, of_parts = 0, of_normalised = 0, spilled = 0;
  for (uint64_t round = 0; round < 8; ++round) {
    CAPTURE(round);
    std::mt19937_64 random(32 + round);
    auto object = SchemeObject(*FindScheme(round % 4 == 3 ? "gumbel" : "green"), tokenizer->vocab(), 128);
    object["tokenizer_sha256"] = Hex(tokenizer->digest());
    const Profile profile = *MakeProfile(object);
    std::vector<KeyFile> files;
    files.push_back(LayerKeyFile(profile, KeyRole::kSelector, TestKey("first seen", 0)));
    files.push_back(LayerKeyFile(profile, KeyRole::kProvider, TestKey("first seen", 1)));
    // With one account its layer and the provider's are one test, whose tuples are those of both.
    for (uint32_t i = 0; i < 1 + round % 2; ++i) files.push_back(LayerKeyFile(profile, KeyRole::kAccount, TestKey("first seen", 2 + i), "account " + std::to_string(i)));
    Judge judge(profile, std::move(files), /*normalised=*/true);
    judge.run.tokenizer = tokenizer->digest();
    judge.run.tau_hundredths = 100;
    judge.run.alpha_log10_e4 = -10000;
    judge.run.min_scored = 20;
    judge.run.max_doc_bytes = 700;
    judge.read.unit_bytes = round % 3 == 0 ? 1 << 20 : 2000 + random() % 4000;
    judge.setup.tokenizer = tokenizer.get();
    judge.setup.normalised = [&](std::string_view document, Scratch& scratch, std::vector<Token>& out) {
      return EncodeNormalised(normaliser, *tokenizer, document, scratch, out);
    };

    const TemporaryFolder corpus, out;
    const std::vector<Text> texts = WriteCorpus(corpus, judge, *tokenizer, random);
    const std::vector<Input> inputs = judge.Inputs(corpus);
    judge.Scan(inputs, out / "whole", {});
    const auto merged = MergeInto({out / "whole"}, out / "merged");
    REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message));
    REQUIRE(merged->written);
    CHECK(merged->summary.first_seen);
    const Definition expected = Define(judge, *tokenizer, normaliser, texts);
    CheckAgainst(expected, judge, *merged, out / "merged");
    fewer += expected.fewer;
    for (const DocumentResult& row : RowsOf(out / "merged")) {
      ++rows;
      findings += row.finding;
      of_parts += row.part > 0;
      of_normalised += row.variant == kNormalised;
    }

    // Shards into directories of their own, the states of groups and the sums of documents spilled, sources in another order.
    std::vector<std::string> directories;
    for (uint64_t shard = 0; shard < 3; ++shard) {
      ScanOptions options;
      options.shard = shard;
      options.shards = 3;
      options.threads = 1 + shard;
      options.memory_bytes = shard == 1 ? 0 : 1 << 20;
      directories.insert(directories.begin(), out / ("shard" + std::to_string(shard)));
      judge.Scan(inputs, directories.front(), options);
    }
    directories.push_back(out / "shard1");
    REQUIRE(MergeInto(directories, out / "spilled", 0));
    CHECK(ResultsOf(out / "spilled") == ResultsOf(out / "merged"));
    spilled += merged->summary.counts.at("tokens") > 10'000;

    // Of a part of the units, first-seen is among these.
    std::vector<std::string> units;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(out / "whole/done")) {
      if (entry.is_regular_file()) units.push_back(entry.path().string());
    }
    std::sort(units.begin(), units.end());
    const std::string dropped = std::filesystem::path(units[units.size() / 3]).stem().string();
    std::filesystem::remove(units[units.size() / 3]);
    std::vector<Text> left;
    std::copy_if(texts.begin(), texts.end(), std::back_inserter(left), [&](const Text& text) { return Hex(text.unit) != dropped; });
    const auto partial = MergeInto({out / "whole"}, out / "partial", 0, /*partial=*/true);
    REQUIRE(partial);
    CHECK(partial->summary.partial);
    CheckAgainst(Define(judge, *tokenizer, normaliser, left), judge, *partial, out / "partial");
  }
  CHECK(fewer > 500);
  CHECK(rows > 100);
  CHECK(findings > 10);
  CHECK(of_parts > 10);
  CHECK(of_normalised > 10);
  CHECK(spilled == 8);
}

// ---- units by hand

namespace {

// A document of tuples, of which the first `scoring` score 1.
struct HandDocument {
  uint64_t ordinal, first_tuple, tuples, scoring;
};

struct HandRun {
  Profile profile = [] {
    auto object = SchemeObject(*FindScheme("green"), 1000);
    object["planes"] = 1;  // a fair bit
    return *MakeProfile(object);
  }();
  RunObject run;
  std::vector<MadeUnit> units;

  // What a unit file says, to be changed before it is written.
  struct Told {
    std::vector<DocRow> rows;
    std::vector<uint64_t> tested;  // documents that have no row
    struct Tuple {
      std::string group;
      uint64_t ordinal, tuple, score;
    };
    std::vector<Tuple> tuples;
    uint64_t documents = 0;  // counts.tested
    Digest unit;             // of the places
  };

  HandRun() {
    run.first_seen = true;
    run.group.keep = 0;
    run.profile = profile.digest();
    run.tests = {{{"0123456789abcdef"}, "as-is"}};
  }

  // Units in the order of their ids.
  Unit UnitAt(size_t place) const {
    std::vector<Unit> all;
    for (const char* name : {"a.jsonl", "b.jsonl"}) all.push_back({"jsonl", "text", 0, 1000, 1 << 20, name});
    std::sort(all.begin(), all.end(), [](const Unit& a, const Unit& b) { return UnitId(a) < UnitId(b); });
    return all[place];
  }

  void Add(const std::vector<HandDocument>& documents, const std::function<void(Told&)>& change = {}) {
    MadeUnit made;
    made.unit = UnitAt(units.size());
    Told told;
    told.unit = UnitId(made.unit);
    told.documents = documents.size();
    for (const HandDocument& document : documents) {
      DocRow row;
      row.n = document.tuples;
      row.s = document.scoring;
      row.counts = {row.n, 0, 0, 0, 0, row.n, 0};
      row.ordinal = document.ordinal;
      row.text[0] = static_cast<uint8_t>(document.ordinal);
      told.rows.push_back(row);
      for (uint64_t i = 0; i < document.tuples; ++i) told.tuples.push_back({"", document.ordinal, document.first_tuple + i, i < document.scoring});
    }
    if (change) change(told);
    UnitSummary summary = EmptySummary(run, made.unit);
    summary.last = true;
    summary.counts.documents = summary.counts.parts = documents.size();
    summary.counts.tested = told.documents;
    UnitFileBuilder builder(std::filesystem::temp_directory_path().string());
    for (const DocRow& row : told.rows) {
      summary.results[0].Add(row.counts, {true, 0, 0});
      REQUIRE(builder.Add(row));
    }
    for ([[maybe_unused]] const uint64_t ordinal : told.tested) summary.results[0].Add({}, {false, 0, 0});
    GroupStates states(run.group, true, told.unit, std::filesystem::temp_directory_path().string(), 1 << 20);
    for (const Told::Tuple& tuple : told.tuples) {
      Fingerprint fingerprint{};
      for (size_t i = 0; i < 8; ++i) fingerprint[i] = static_cast<uint8_t>(tuple.tuple >> 8 * i);
      (*states.SampleOf(tuple.group, 0, tuple.ordinal, 0))->Add(fingerprint, tuple.score);
    }
    const auto block = states.Finish();
    REQUIRE(block);
    REQUIRE(builder.Finish(summary, *block, [&](std::string_view piece) -> Result<void> {
      made.bytes += piece;
      return {};
    }));
    units.push_back(made);
  }

  void Write(const std::string& directory) const {
    WriteBytes(directory + "/run.json", RunJson(run));
    WriteBytes(directory + "/profiles/" + Hex(run.profile) + ".json", profile.bytes());
    UnitList list;
    list.run = RunDigest(run);
    for (const MadeUnit& unit : units) {
      list.inputs.push_back({unit.unit, 0, true, 1});
      WriteBytes(unit.Path(directory), unit.bytes);
    }
    std::sort(list.inputs.begin(), list.inputs.end(), [](const ListedInput& a, const ListedInput& b) { return a.unit.uri < b.unit.uri; });
    WriteBytes(directory + "/units.jsonl", UnitListJson(list));
  }
};

// Tuples 0 to 9 score. The first document has 0 to 49 and 50 others, of which 25 score; the second 0 to 49 and 100 to 149, which all
// score.
HandRun Example(const std::function<void(HandRun::Told&)>& change_second = {}) {
  HandRun made;
  made.Add({{3, 0, 50, 10}}, [](HandRun::Told& told) {
    told.rows[0].n = 100;
    told.rows[0].s = 35;
    told.rows[0].counts = {100, 0, 0, 0, 0, 100, 0};
    for (uint64_t i = 0; i < 50; ++i) told.tuples.push_back({"", 3, 1000 + i, i < 25});
  });
  made.Add({{7, 0, 50, 10}}, [&](HandRun::Told& told) {
    told.rows[0].n = 100;
    told.rows[0].s = 60;
    told.rows[0].counts = {100, 0, 0, 0, 0, 100, 0};
    for (uint64_t i = 0; i < 50; ++i) told.tuples.push_back({"", 7, 100 + i, 1});
    if (change_second) change_second(told);
  });
  return made;
}

}  // namespace

TEST_CASE("a document whose own p is .028 and that has 50 tuples first, which all score, is a finding of p 2^-50") {
  const HandRun made = Example();
  const TemporaryFolder folder;
  made.Write(folder / "run");
  const auto merged = MergeInto({folder / "run"}, folder / "out");
  REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message));
  const auto rows = RowsOf(folder / "out");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].ordinal == 7);
  CHECK(rows[0].n == 50);
  CHECK(rows[0].s == "50");
  CHECK(rows[0].counts.scored == 100);
  CHECK(rows[0].log10_p == doctest::Approx(-50 * std::log10(2)));
  CHECK(rows[0].finding);
  // P(Bin(100, 1/2) >= 60) = .02844396682 (scipy.stats.binom.sf(59, 100, .5)).
  CHECK(std::pow(10, Log10BinomialUpperTail(100, 60, 1, 2)) == doctest::Approx(.02844396682));
  const TestSummary& test = merged->summary.tests[0];
  CHECK(test.m == 2);
  CHECK(test.rows == 1);
  CHECK(test.lengths == std::vector<uint64_t>{0, 0, 0, 0, 0, 1, 1});  // 50 and 100 tuples
  CHECK(std::accumulate(test.histogram.begin(), test.histogram.end(), uint64_t{0}) == 1);
  CHECK(ReadBytes(folder / "out/summary.json").find("\"assign\":\"first-seen\"") != std::string::npos);
  CHECK(ParseCorpusSummary(ReadBytes(folder / "out/summary.json"))->first_seen);

  // Each rule of findings, a baseline, a calibration of other texts and one of this one.
  for (const CorpusControl control : {CorpusControl::kBy, CorpusControl::kEbh, CorpusControl::kHolm, CorpusControl::kNone}) {
    MergeOptions options;
    options.directories = {folder / "run"};
    options.output = folder / "again";
    options.control = control;
    options.alpha_log10_e4 = -30000;
    options.baseline = folder / "out/results.jsonl";
    Calibration& calibration = options.calibration.emplace();
    calibration.scheme_id = made.profile.scheme_id();
    calibration.tests.emplace_back().kids = made.run.tests[0].kids;
    calibration.texts.resize(1);
    calibration.texts[0][0] = 3;  // the other document: no result
    calibration.overlap = {2, 2, 10};
    const auto again = MergeCorpus(options);
    REQUIRE_MESSAGE(again, (again ? "" : again.error().message));
    CHECK(again->summary.tests[0].findings == 1);
    CHECK(again->summary.tests[0].baseline == 1);
    CHECK(again->new_findings == 0);
    // No two documents share a tuple, so keys do not stray.
    CHECK(again->summary.calibration->rho == 0);
    CHECK(again->summary.calibration->from == again->summary.calibration->alpha);
    options.calibration->texts[0][0] = 7;
    CHECK(!MergeCorpus(options));
  }
}

TEST_CASE("unit files that lie about what documents have first are malformed, by name, and nothing is written") {
  using Told = HandRun::Told;
  struct Row {
    const char* what;
    const char* message;
    std::function<void(Told&)> change;
  };
  const Row rows[] = {
      {"a place in another unit", "in another unit", [](Told& told) { told.unit = Sha256(AsBytes("elsewhere")); }},
      {"a place without a row, before the row", "ordinal 6, part 0, test 0: has tuples and no row", [](Told& told) { told.tuples.insert(told.tuples.begin(), {"", 6, 500, 1}); }},
      {"a place without a row, behind the last", "ordinal 8, part 0, test 0: has tuples and no row", [](Told& told) { told.tuples.push_back({"", 8, 500, 1}); }},
      {"more tuples than n", "has 101 tuples, its n is 100",
       [](Told& told) {
         for (uint64_t i = 0; i < 51; ++i) told.tuples.push_back({"", 7, 2000 + i, 0});
       }},
      {"a score that is none", "not part of its s", [](Told& told) { told.tuples.push_back({"", 7, 500, 1000}); }},
      {"scores above s", "not part of its s",
       [](Told& told) { told.rows[0].s = 40; }},
      {"scores too far below s", "not part of its s",
       [](Told& told) {
         for (Told::Tuple& tuple : told.tuples) tuple.tuple += tuple.tuple < 50 ? 3000 : 0;
         told.rows[0].s = 61;
       }},
      {"s above n", "s is more than 100 scores can be", [](Told& told) { told.rows[0].s = 101; }},
      {"a row with too few", "n must be at least 50 to be tested", [](Told& told) { told.rows[0].n = 49; }},
      {"a tested document without a row", "rows must be all tested", [](Told& told) { told.tested.push_back(9); }},
      {"another number of tested documents", "counts.tested is 2, the block docs has rows of 1", [](Told& told) { told.documents = 2; }},
      {"a group", "has a name",
       [](Told& told) {
         for (Told::Tuple& tuple : told.tuples) tuple.group = "example.org";
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const HandRun made = Example(row.change);
    const TemporaryFolder folder;
    made.Write(folder / "run");
    const auto merged = MergeInto({folder / "run"}, folder / "out");
    REQUIRE(!merged);
    CAPTURE(merged.error().message);
    CHECK(merged.error().kind == ErrorKind::kMalformed);
    CHECK(merged.error().message.find(row.message) != std::string::npos);
    CHECK(merged.error().message.find(Hex(UnitId(made.units[1].unit))) != std::string::npos);
    CHECK(std::filesystem::is_empty(folder / "out"));
  }
  // Two scores of one tuple contradict each other.
  const HandRun made = Example([](Told& told) { told.tuples[0].score = 0; });
  const TemporaryFolder folder;
  made.Write(folder / "run");
  const auto merged = MergeInto({folder / "run"}, folder / "out");
  REQUIRE(!merged);
  CHECK(merged.error().kind == ErrorKind::kInternal);
}

TEST_CASE("copies with edits under 2,000 keys: Fisher over first-seen documents keeps its level; their sums by themselves do not") {
  // As P10 of calibrate_test.cc, through scan and merge: 10 copies of 200 random ids, 4 substitutions each, in two units; 8 runs of
  // 250 account keys. Fisher at most .1 and .01, 1e-6 each. False alarm: 2e-6.
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), 50'000, 0));
  std::mt19937_64 random(33);
  std::vector<uint32_t> original(200);
  for (uint32_t& id : original) id = static_cast<uint32_t>(3 + random() % 49'000);
  const TemporaryFolder corpus;
  std::string lines;
  for (int d = 0; d < 10; ++d) {
    std::vector<uint32_t> ids = original;
    for (int edit = 0; edit < 4; ++edit) ids[random() % 200] = static_cast<uint32_t>(3 + random() % 49'000);
    lines += nlohmann::json{{"ids", ids}}.dump() + "\n";
  }
  corpus.Write("copies.jsonl", lines);
  uint64_t fisher[2] = {}, added[2] = {}, tested = 0;
  for (uint32_t part = 0; part < 8; ++part) {
    std::vector<KeyFile> files;
    for (uint32_t i = 0; i < 250; ++i) files.push_back(LayerKeyFile(profile, KeyRole::kAccount, TestKey("first-seen copies", 250 * part + i), "a" + std::to_string(i)));
    Judge judge(profile, std::move(files), /*normalised=*/false);
    judge.run.tau_hundredths = 1;
    judge.run.min_scored = 5;
    judge.run.control = CorpusControl::kNone;
    judge.run.alpha_log10_e4 = -100;
    judge.read.ids_field = "ids";
    judge.read.unit_bytes = (lines.size() + 1) / 2;
    const TemporaryFolder out;
    judge.Scan(judge.Inputs(corpus), out / "run", {});
    const auto merged = MergeInto({out / "run"}, out / "out");
    REQUIRE_MESSAGE(merged, (merged ? "" : merged.error().message));
    REQUIRE(merged->summary.units == 2);
    // p above tau, .977, counts as 1.
    std::vector<std::vector<double>> p(250);
    for (const DocumentResult& row : RowsOf(out / "out")) p[row.test].push_back(row.log10_p);
    for (size_t test = 0; test < 250; ++test) {
      tested += merged->summary.tests[test].m;
      p[test].resize(merged->summary.tests[test].m);
      for (int a = 0; a < 2; ++a) fisher[a] += Log10Fisher(p[test]) <= -(a + 1);
    }
    std::vector<std::pair<uint64_t, uint64_t>> sums(250);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(out / "run/done")) {
      if (!entry.is_regular_file()) continue;
      const UnitFile file = *UnitFile::Open(entry.path().string());
      REQUIRE(ForEachRow(file.source(), file.layout(), [&](const DocRow& row) -> Result<void> {
        sums[row.test].first += row.n;
        sums[row.test].second += static_cast<uint64_t>(row.s);
        return {};
      }));
    }
    for (const auto& [n, s] : sums) {
      for (int a = 0; a < 2; ++a) added[a] += Log10BinomialUpperTail(n, s, 1, 4) <= -(a + 1);
    }
  }
  CHECK(tested > 2000 * 8);
  for (int a = 0; a < 2; ++a) {
    CHECK(AtMostBinomial(fisher[a], 2000, std::pow(10, -(a + 1)), 1e-6));
    CHECK_FALSE(AtMostBinomial(added[a], 2000, std::pow(10, -(a + 1)), 1e-6));
  }
  MESSAGE("at .01: Fisher " << fisher[1] << ", added per document " << added[1] << " of 2000");
}
