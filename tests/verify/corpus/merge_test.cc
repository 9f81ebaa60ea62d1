// Merging runs (corpus.md K5, K6): order, repetition and division do not matter; conflicts, damage and gaps end it with nothing
// written.
#include "verify/corpus/merge.h"

#include <algorithm>
#include <set>

#include <openssl/evp.h>

#include "tests/verify/corpus/unit_run.h"
#include "verify/corpus/findings.h"
#include "verify/record/merkle.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

bool NothingWritten(const std::string& folder) { return std::filesystem::is_empty(folder); }

void WriteUnits(const MadeRun& made, const std::string& directory, const std::function<bool(size_t)>& which) {
  made.WriteHead(directory);
  for (size_t i = 0; i < made.units().size(); ++i) {
    if (which(i)) WriteBytes(made.units()[i].Path(directory), made.units()[i].bytes);
  }
}

Result<Merged> MergeInto(std::vector<std::string> directories, const std::string& output) {
  MergeOptions options;
  options.directories = std::move(directories);
  options.output = output;
  return MergeCorpus(options);
}

std::string EngineRow(const MadeUnit& unit) {
  std::string base64((unit.bytes.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), reinterpret_cast<const unsigned char*>(unit.bytes.data()), static_cast<int>(unit.bytes.size()));
  base64.pop_back();
  return "{\"unit_id\":\"" + Hex(UnitId(unit.unit)) + "\",\"body\":\"" + base64 + "\"}\n";
}

}  // namespace

TEST_CASE("any division, order and repetition gives the same root and the same bytes") {
  const MadeRun made(9, 60, .1, 21);
  const TemporaryFolder folder;
  WriteUnits(made, folder / "whole", [](size_t) { return true; });
  const auto whole = MergeInto({folder / "whole"}, folder / "out");
  REQUIRE_MESSAGE(whole, (whole ? "" : whole.error().message));
  REQUIRE(whole->written);
  const auto expected = ResultsOf(folder / "out");

  // The root by its definition.
  std::map<Digest, std::string> summaries;
  for (const MadeUnit& unit : made.units()) summaries[UnitId(unit.unit)] = unit.bytes.substr(0, unit.bytes.find('\n'));
  MerkleTree tree;
  for (const auto& [id, summary] : summaries) tree.Add(AsBytes(summary));
  CHECK(whole->summary.root == Hex(EvidenceRoot(RunDigest(made.run()), tree.Root(), made.units().size())));

  // Findings by the full list of p.
  std::vector<double> log10_p;
  for (const MadeUnit& unit : made.units()) log10_p.insert(log10_p.end(), unit.log10_p.begin(), unit.log10_p.end());
  const uint64_t rejected = Reject(Control::kBenjaminiHochberg, log10_p, log10_p.size(), -2).rejected;
  CHECK(rejected > 10);
  CHECK(whole->summary.tests[0].findings + whole->summary.tests[1].findings == rejected);
  CHECK(whole->summary.tests[0].m + whole->summary.tests[1].m == log10_p.size());
  CHECK(whole->summary.groups > 4);

  // Three directories that overlap, in both orders; results into a source.
  for (size_t part = 0; part < 3; ++part) {
    WriteUnits(made, folder / ("part" + std::to_string(part)), [&](size_t i) { return i % 3 == part || i % 4 == 0; });
  }
  REQUIRE(MergeInto({folder / "part0", folder / "part1", folder / "part2"}, folder / "out1"));
  CHECK(ResultsOf(folder / "out1") == expected);
  REQUIRE(MergeInto({folder / "part2", folder / "part0", folder / "part1", folder / "part2"}, folder / "part1"));
  CHECK(ResultsOf(folder / "part1") == expected);

  // Rows of an engine, some twice, beside a directory.
  std::string rows;
  for (size_t i = 0; i < made.units().size(); ++i) {
    if (i % 2 == 0) rows = EngineRow(made.units()[i]) + rows + (i % 4 == 0 ? EngineRow(made.units()[i]) : "");
  }
  WriteBytes(folder / "rows/part-0000", rows);
  WriteBytes(folder / "rows/_SUCCESS", "no row");
  WriteUnits(made, folder / "odd", [](size_t i) { return i % 2 == 1; });
  MergeOptions options;
  options.directories = {folder / "odd"};
  options.rows = {folder / "rows"};
  options.output = folder / "out2";
  const auto of_rows = MergeCorpus(options);
  REQUIRE_MESSAGE(of_rows, (of_rows ? "" : of_rows.error().message));
  CHECK(ResultsOf(folder / "out2") == expected);

  // Rows come in the order of C13 and read back.
  auto reader = ResultReader<DocumentResult>::Open(folder / "out/results.jsonl");
  REQUIRE(reader);
  DocumentResult row;
  std::tuple<std::string, uint64_t, uint64_t, uint64_t, uint64_t> before{};
  uint64_t count = 0, findings = 0;
  for (;;) {
    const auto more = reader->Next(row);
    REQUIRE(more);
    if (!*more) break;
    const auto place = std::make_tuple(row.uri, row.segment, row.ordinal, row.part, row.test);
    CHECK((count == 0 || before < place));
    before = place;
    ++count;
    findings += row.finding;
    CHECK(row.finding == (row.log10_q && *row.log10_q <= -2 + 1e-12));
    CHECK(row.log10_e <= -row.log10_p + 1e-9);
  }
  CHECK(count == whole->summary.tests[0].rows + whole->summary.tests[1].rows);
  CHECK(findings == rejected);
}

TEST_CASE("each unit that is missing is named and nothing is written; with partial there is no root") {
  const MadeRun made(12, 10, .05, 22);
  const TemporaryFolder folder;
  WriteUnits(made, folder / "run", [](size_t) { return true; });
  uint64_t fewer = 0;
  for (const MadeUnit& unit : made.units()) {
    std::filesystem::remove(unit.Path(folder / "run"));
    const auto merged = MergeInto({folder / "run"}, folder / "out");
    REQUIRE(merged);
    CHECK(!merged->written);
    CHECK(merged->missing_count == 1);
    CHECK(merged->missing == std::vector<Unit>{unit.unit});
    CHECK(NothingWritten(folder / "out"));
    // Control: who counts files sees one file an input at least, and as many inputs as were listed.
    const bool input_seen = std::any_of(made.units().begin(), made.units().end(), [&](const MadeUnit& u) { return u.unit.uri == unit.unit.uri && !(u.unit == unit.unit); });
    fewer += input_seen;
    WriteBytes(unit.Path(folder / "run"), unit.bytes);
  }
  CHECK(fewer > made.units().size() / 2);

  MergeOptions options;
  options.directories = {folder / "run"};
  options.output = folder / "out";
  options.partial = true;
  options.missing = folder / "missing.jsonl";
  std::filesystem::remove(made.units()[3].Path(folder / "run"));
  const auto partial = MergeCorpus(options);
  REQUIRE(partial);
  CHECK(partial->written);
  CHECK(partial->summary.partial);
  CHECK(partial->summary.root.empty());
  CHECK(ReadBytes(folder / "missing.jsonl") == UnitJson(made.units()[3].unit) + "\n");

  // All of them go into the file, though few are held.
  UnitList list = made.list();
  list.inputs.push_back(list.inputs.back());
  list.inputs.back().unit.uri = "part-none.jsonl";
  list.inputs.back().segments = 5000;
  WriteBytes(folder / "run/units.jsonl", UnitListJson(list));
  const auto many = MergeCorpus(options);
  REQUIRE(many);
  CHECK(many->missing_count == 5001);
  CHECK(many->missing.size() == kMostNamedMissing);
  const std::string lines = ReadBytes(folder / "missing.jsonl");
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 5001);
  Unit final = list.inputs.back().unit;
  final.segment = 4999;
  CHECK(lines.ends_with("\n" + UnitJson(final) + "\n"));
}

TEST_CASE("two contents of one unit are a conflict that names both sources") {
  const MadeRun made(3, 20, .1, 23);
  const MadeRun other(3, 20, .1, 24);  // the same first inputs, other documents
  const TemporaryFolder folder;
  WriteUnits(made, folder / "a", [](size_t) { return true; });
  WriteUnits(made, folder / "b", [](size_t i) { return i != 0; });
  REQUIRE(made.units()[0].unit == other.units()[0].unit);
  MadeUnit changed = made.units()[0];
  REQUIRE(UnitId(other.units()[0].unit) == UnitId(changed.unit));
  WriteBytes(changed.Path(folder / "b"), other.units()[0].bytes);
  const auto merged = MergeInto({folder / "a", folder / "b"}, folder / "out");
  REQUIRE(!merged);
  CHECK(merged.error().kind == ErrorKind::kInternal);
  CHECK(merged.error().message.find(changed.Path(folder / "a")) != std::string::npos);
  CHECK(merged.error().message.find(changed.Path(folder / "b")) != std::string::npos);
  CHECK(NothingWritten(folder / "out"));
}

TEST_CASE("a unit under another id, of another run, damaged, of no listed input: each is refused by name") {
  const MadeRun made(3, 20, .1, 25);
  const MadeUnit& unit = made.units()[0];
  struct Row {
    const char* what;
    ErrorKind kind;
    std::function<void(const std::string&)> change;
  };
  const Row rows[] = {
      {"another id", ErrorKind::kMalformed, [&](const std::string& run) { WriteBytes(unit.Path(run), made.units()[1].bytes); }},
      {"a flipped bit in a row", ErrorKind::kMalformed,
       [&](const std::string& run) {
         std::string bytes = unit.bytes;
         bytes[bytes.find('\n') + 20] ^= 1;
         WriteBytes(unit.Path(run), bytes);
       }},
      {"cut", ErrorKind::kMalformed, [&](const std::string& run) { WriteBytes(unit.Path(run), unit.bytes.substr(0, unit.bytes.size() - 1)); }},
      {"another run's directory", ErrorKind::kMismatch,
       [&](const std::string& run) {
         RunObject object = made.run();
         object.min_scored = 7;
         WriteBytes(run + "/run.json", RunJson(object));
       }},
      {"no listed input", ErrorKind::kMismatch,
       [&](const std::string& run) {
         UnitList list = made.list();
         list.inputs.erase(list.inputs.begin());
         WriteBytes(run + "/units.jsonl", UnitListJson(list));
       }},
      {"another profile", ErrorKind::kMismatch,
       [&](const std::string& run) {
         WriteBytes(run + "/profiles/" + Hex(made.run().profile) + ".json", MakeProfile(SchemeObject(*FindScheme("green"), 2000))->bytes());
       }},
      {"no profile", ErrorKind::kNotFound, [&](const std::string& run) { std::filesystem::remove_all(run + "/profiles"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const TemporaryFolder folder;
    WriteUnits(made, folder / "run", [](size_t) { return true; });
    row.change(folder / "run");
    const auto merged = MergeInto({folder / "run"}, folder / "out");
    REQUIRE(!merged);
    CHECK(merged.error().kind == row.kind);
    CHECK(merged.error().message.find(folder.path()) != std::string::npos);
    CHECK(NothingWritten(folder / "out"));
  }
}

TEST_CASE("the tests of a calibration are counted in the findings of documents and of groups as so many runs are") {
  const MadeRun made(5, 60, .15, 26);
  const TemporaryFolder folder;
  WriteUnits(made, folder / "run", [](size_t) { return true; });
  MergeOptions options;
  options.directories = {folder / "run"};
  options.output = folder / "once";
  const auto once = MergeCorpus(options);
  REQUIRE(once);
  REQUIRE(once->summary.group_findings > 0);
  constexpr uint64_t kTests = 1000;
  options.family = kTests;
  options.output = folder / "family";
  REQUIRE(MergeCorpus(options));
  options.family = 1;
  Calibration& calibration = options.calibration.emplace();
  calibration.scheme_id = made.profile().scheme_id();
  for (const RunTest& test : made.run().tests) calibration.tests.emplace_back().kids = test.kids;
  calibration.tests.resize(kTests);
  options.output = folder / "calibrated";
  const auto calibrated = MergeCorpus(options);
  REQUIRE(calibrated);
  CHECK(calibrated->summary.group_findings < once->summary.group_findings);
  for (const char* file : {"results.jsonl", "groups.jsonl"}) CHECK(ReadBytes(folder / "calibrated/" + file) == ReadBytes(folder / "family/" + file));
}

TEST_CASE("findings of a baseline are known, and m is unchanged") {
  const MadeRun made(5, 60, .15, 26);
  const TemporaryFolder folder;
  WriteUnits(made, folder / "run", [](size_t) { return true; });
  const auto first = MergeInto({folder / "run"}, folder / "out");
  REQUIRE(first);
  REQUIRE(first->new_findings > 0);
  MergeOptions options;
  options.directories = {folder / "run"};
  options.output = folder / "again";
  options.baseline = folder / "out/results.jsonl";
  const auto again = MergeCorpus(options);
  REQUIRE(again);
  for (size_t i = 0; i < 2; ++i) {
    CHECK(again->summary.tests[i].findings == first->summary.tests[i].findings);
    CHECK(again->summary.tests[i].baseline == again->summary.tests[i].findings);
    CHECK(again->summary.tests[i].m == first->summary.tests[i].m);
  }
  CHECK(again->new_findings == again->summary.group_findings);

  // A stricter level, and several runs at once, find fewer.
  options.baseline.clear();
  options.alpha_log10_e4 = -60000;
  const auto strict = MergeCorpus(options);
  REQUIRE(strict);
  CHECK(strict->summary.tests[0].findings < first->summary.tests[0].findings);
  options.alpha_log10_e4.reset();
  options.family = 1000;
  const auto family = MergeCorpus(options);
  REQUIRE(family);
  CHECK(family->summary.tests[0].findings < first->summary.tests[0].findings);
  for (const CorpusControl control : {CorpusControl::kBy, CorpusControl::kEbh, CorpusControl::kHolm}) {
    options.family = 1;
    options.control = control;
    const auto merged = MergeCorpus(options);
    REQUIRE(merged);
    CHECK(merged->summary.tests[0].findings > 0);
    CHECK(merged->summary.tests[0].findings <= first->summary.tests[0].findings);
  }
}
