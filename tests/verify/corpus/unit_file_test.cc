// Run objects, lists of units and unit files: written and read again; each damaged file is refused (corpus.md K5).
#include "verify/corpus/unit_file.h"

#include <doctest/doctest.h>

#include "tests/verify/corpus/unit_run.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

TEST_CASE("a run object is written as corpus.md C5 shows it, and read again") {
  RunObject run;
  run.profile.fill(1);
  run.tokenizer.emplace().fill(2);
  run.selector = "00112233445566aa";
  run.group = {"host", 65536, 6};
  run.tests = {{{"0123456789abcdef"}, "as-is"}};
  REQUIRE(CheckRun(run));
  const std::string bytes = RunJson(run);
  CHECK(bytes ==
        "{\"alpha_log10\":\"-2.0000\",\"assign\":\"document\",\"control\":\"bh\",\"dtype\":\"\",\"eos\":-1,\"evidence\":1,\"group\":{\"by\":\"host\",\"keep\":65536,"
        "\"sample_log2\":6},\"max_doc_bytes\":16777216,\"min_scored\":50,\"profile\":\""
        "0101010101010101010101010101010101010101010101010101010101010101"
        "\",\"rule\":\"first\",\"schema\":\"verdigris.run/1\",\"selector\":\"00112233445566aa\",\"stop_list\":\"\",\"tau_log10\":\"-3.0000\",\"tests\":[{\"kids\":["
        "\"0123456789abcdef\"],\"variant\":\"as-is\"}],\"tokenizer\":\""
        "0202020202020202020202020202020202020202020202020202020202020202\"}\n");
  const auto read = ParseRun(bytes);
  REQUIRE(read);
  CHECK(*read == run);

  RunObject other = run;
  other.alpha_log10_e4 = -60000;
  other.control = CorpusControl::kHolm;
  CHECK(RunDigest(other) == RunDigest(run));
  CHECK(CheckSameRun(run, other, "b"));
  other.tau_hundredths = 200;
  CHECK(RunDigest(other) != RunDigest(run));
  const auto same = CheckSameRun(run, other, "b");
  REQUIRE(!same);
  CHECK(same.error().kind == ErrorKind::kMismatch);
  CHECK(same.error().message == "b: another run: tau_log10 is \"-2.0000\" there, \"-3.0000\" here");
}

TEST_CASE("members of a run object out of their bounds are refused by name") {
  RunObject good;
  good.tests = {{{"0123456789abcdef"}, "as-is"}};
  REQUIRE(CheckRun(good));
  struct Row {
    const char* member;
    void (*change)(RunObject&);
  };
  const Row rows[] = {{"alpha_log10", [](RunObject& r) { r.alpha_log10_e4 = 0; }},
                      {"dtype", [](RunObject& r) { r.dtype = "u12"; }},
                      {"eos", [](RunObject& r) { r.eos = -2; }},
                      {"group.by", [](RunObject& r) { r.group.by = "path:0"; }},
                      {"group.sample_log2", [](RunObject& r) { r.group.sample_log2 = 65; }},
                      {"assign", [](RunObject& r) { r.first_seen = true; }},
                      {"assign",
                       [](RunObject& r) {
                         r.first_seen = true;
                         r.group = {"host", 0, 0};
                       }},
                      {"max_doc_bytes", [](RunObject& r) { r.max_doc_bytes = 0; }},
                      {"min_scored", [](RunObject& r) { r.min_scored = 0; }},
                      {"selector", [](RunObject& r) { r.selector = "0"; }},
                      {"tau_log10", [](RunObject& r) { r.tau_hundredths = 0; }},
                      {"tests", [](RunObject& r) { r.tests.clear(); }},
                      {"tests[0].kids", [](RunObject& r) { r.tests[0].kids = {"b000000000000000", "a000000000000000"}; }},
                      {"tests[1]", [](RunObject& r) { r.tests.push_back(r.tests[0]); }},
                      {"tests[0].variant", [](RunObject& r) { r.tests[0].variant = "raw"; }}};
  for (const Row& row : rows) {
    CAPTURE(row.member);
    RunObject run = good;
    row.change(run);
    const auto checked = CheckRun(run);
    REQUIRE(!checked);
    CHECK(checked.error().kind == ErrorKind::kInvalidArgument);
    CHECK(checked.error().message.starts_with(std::string(row.member) + " "));
  }
  CHECK(AlphaLog10E4(.01) == -20000);
  CHECK(AlphaLog10E4(.05) == -13011);
  CHECK(AlphaLog10E4(1e-6) == -60000);
}

TEST_CASE("a unit is written as corpus.md C3 shows it") {
  const Unit unit{"jsonl", "text", 17, 8123456789, 67108864, "cc/part-00017.jsonl.zst"};
  const std::string expected =
      "{\"format\":\"jsonl\",\"path\":\"text\",\"schema\":\"verdigris.unit/1\",\"segment\":17,\"size\":8123456789,\"unit_bytes\":67108864,\"uri\":\"cc/part-00017.jsonl.zst\"}";
  CHECK(UnitJson(unit) == expected);
  CHECK(UnitId(unit) == Sha256(AsBytes(expected)));
  const auto read = ParseUnit(*ParseCanonicalJson(expected));
  REQUIRE(read);
  CHECK(*read == unit);
  CHECK(CheckUnit(unit));
  CHECK(!CheckUnit({"jsonl", "text", 0, 1, 1, "\xff"}));
  CHECK(!CheckUnit({"pdf", "text", 0, 1, 1, "a"}));
}

TEST_CASE("a list of units is read again; another order, number or line is refused with its line") {
  const MadeRun made(4, 0, 0, 1);
  const std::string bytes = UnitListJson(made.list());
  const auto read = ParseUnitList(bytes);
  REQUIRE(read);
  CHECK(read->inputs == made.list().inputs);
  CHECK(read->run == made.list().run);
  UnitList swapped = made.list();
  std::swap(swapped.inputs[1], swapped.inputs[2]);
  const auto order = ParseUnitList(UnitListJson(swapped));
  REQUIRE(!order);
  CHECK(order.error().message.starts_with("line 4: uri must come after"));
  CHECK(!ParseUnitList(bytes.substr(0, bytes.size() - 1)));
  CHECK(!ParseUnitList(bytes.substr(0, bytes.rfind('\n', bytes.size() - 2) + 1)));
  CHECK(!ParseUnitList(bytes + ListedInputJson(made.list().inputs[3]) + "\n"));
  CHECK(!ParseUnitList(""));
  const TemporaryFolder folder;
  WriteBytes(folder / "units.jsonl", bytes);
  CHECK(ReadUnitList(folder / "units.jsonl")->inputs == made.list().inputs);
}

TEST_CASE("strings of the input are cut at characters, and what is no UTF-8 is replaced") {
  CHECK(ClipText("abc") == "abc");
  CHECK(ClipText(std::string(2000, 'a')).size() == kMostInputText);
  std::string wide;
  for (int i = 0; i < 600; ++i) wide += "\xC3\xA9";
  CHECK(ClipText("x" + wide) == "x" + wide.substr(0, 1022));
  CHECK(ClipText("a\xFF" "b") == "a\xEF\xBF\xBD" "b");
}

TEST_CASE("rows and entries are written and read again") {
  DocRow row;
  row.counts = {512, 2, 15, 64, 0, 431, 0};
  row.group = "example.org";
  row.id = "a\n\"b\"";
  row.length = 2204;
  row.n = 431;
  row.offset = 81922;
  row.ordinal = 8812;
  row.s = (static_cast<Statistic>(1) << 100) + 7;
  row.spans = {{40, 512, 171, 2204}};
  row.text.fill(0xab);
  const auto read = ParseDocRow(DocRowJson(row));
  REQUIRE(read);
  CHECK(DocRowJson(*read) == DocRowJson(row));
  CHECK(read->s == row.s);
  CHECK(DocRowJson(row).starts_with("{\"counts\":[512,2,15,64,0,431,0],\"group\":\"example.org\",\"id\":\"a\\n\\\"b\\\"\",\"length\":2204,"));
  row.counts.tokens = 513;
  CHECK(!ParseDocRow(DocRowJson(row)));
  const ErrorEntry entry{"too_long", 77, 3};
  CHECK(*ParseErrorEntry(ErrorEntryJson(entry)) == entry);
  CHECK(!ParseErrorEntry(ErrorEntryJson({"Too long", 77, 3})));
}

TEST_CASE("a unit file with any bit flipped is refused, or is a summary that says something else") {
  const MadeRun made(1, 12, .9, 5);
  const MadeUnit& unit = made.units()[0];
  const auto good = UnitFile::FromMemory(unit.bytes);
  REQUIRE(good);
  REQUIRE(good->Check(&made.run()));
  REQUIRE(good->summary().docs.count > 0);
  REQUIRE(good->summary().errors.count > 0);
  REQUIRE(good->summary().groups.count > 0);
  const size_t summary_bytes = good->summary_bytes().size();
  uint64_t refused = 0, other_summary = 0;
  for (size_t bit = 0; bit < 8 * unit.bytes.size(); ++bit) {
    std::string flipped = unit.bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto file = UnitFile::FromMemory(flipped);
    const auto checked = file ? file->Check(&made.run()) : Result<void>(Unexpected(file.error()));
    if (!checked) {
      ++refused;
      continue;
    }
    // A count that nothing else in the file is bound to; it is another leaf of the tree, and another unit for a merge.
    REQUIRE(bit / 8 < summary_bytes);
    ++other_summary;
  }
  CHECK(refused + other_summary == 8 * unit.bytes.size());
  CHECK(other_summary < 8 * summary_bytes / 4);
  for (size_t length = 0; length < unit.bytes.size(); length += 7) CHECK(!UnitFile::FromMemory(std::string_view(unit.bytes).substr(0, length)));
  CHECK(!UnitFile::FromMemory(unit.bytes + "x"));

  RunObject other = made.run();
  other.min_scored = 51;
  const auto mismatch = good->Check(&other);
  REQUIRE(!mismatch);
  CHECK(mismatch.error().kind == ErrorKind::kMismatch);
}
