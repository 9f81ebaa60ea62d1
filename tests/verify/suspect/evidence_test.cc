#include "verify/suspect/evidence.h"

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "tests/verify/suspect/suspect_vectors.h"
#include "verify/suspect/coefficients.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

struct StoredRecord {
  std::vector<uint32_t> prompt, output;
  bool has_lists = false;
  Lists suspect;
  std::vector<Lists> references;

  SuspectRecord View() const {
    SuspectRecord record{prompt, output, has_lists ? &suspect : nullptr, {}};
    for (size_t k = 0; k < references.size(); ++k) record.references[k] = &references[k];
    return record;
  }
};

Lists ReadLists(const nlohmann::json& positions) {
  Lists lists;
  for (const auto& position : positions) {
    std::vector<ListEntry> entries;
    for (const auto& entry : position) entries.push_back({entry[0], entry[1]});
    lists.Add(entries);
  }
  return lists;
}

struct StoredUnit {
  uint64_t ordinal;
  std::vector<StoredRecord> records;

  std::vector<SuspectRecord> View() const {
    std::vector<SuspectRecord> views;
    for (const StoredRecord& record : records) views.push_back(record.View());
    return views;
  }
};

StoredUnit ReadUnit(const nlohmann::json& unit) {
  StoredUnit out{unit["ordinal"], {}};
  for (const auto& record : unit["records"]) {
    StoredRecord stored{record["prompt"], record["output"], record.contains("sus"), {}, {}};
    if (stored.has_lists) stored.suspect = ReadLists(record["sus"]);
    for (const auto& reference : record["refs"]) stored.references.push_back(ReadLists(reference));
    out.records.push_back(std::move(stored));
  }
  return out;
}

// All rows as the vectors write them, windows of prompts left out if asked.
nlohmann::json Rows(const SuspectEvidence& evidence, bool strict) {
  nlohmann::json rows = nlohmann::json::array();
  const size_t m = evidence.options().references, h = evidence.options().window;
  for (const uint32_t r : evidence.Sorted()) {
    const uint32_t w = evidence.window_of(r);
    if (strict && evidence.in_prompt(w)) continue;
    nlohmann::json row = {std::vector<uint32_t>(evidence.window(w), evidence.window(w) + h), evidence.id(r), evidence.count(r), evidence.suspect(r)};
    for (size_t k = 0; k < m; ++k) row.push_back(evidence.reference(k, r));
    row.push_back(evidence.first_count(r));
    row.push_back(evidence.first_suspect(r));
    for (size_t k = 0; k < m; ++k) row.push_back(evidence.first_reference(k, r));
    rows.push_back(std::move(row));
  }
  return rows;
}

SuspectEvidence Empty(const SuspectEvidence::Options& options, uint32_t special_id) {
  const IdRange special[] = {{special_id, special_id}};
  return SuspectEvidence(options, SpecialIds(special, 1 << 20));
}

}  // namespace

TEST_CASE("rows and coefficients meet the vectors, units in any order") {
  for (const auto& scenario : SuspectVectors()["evidence"]) {
    CAPTURE(scenario["kind"].dump());
    const bool reading = scenario["kind"] == "reading", strict = scenario["kind"] == "closed, any prompt excluded";
    std::vector<StoredUnit> units;
    for (const auto& unit : scenario["units"]) units.push_back(ReadUnit(unit));
    const size_t m = units[0].records[0].references.size();
    const SuspectEvidence::Options options{scenario["h"], m, reading ? Showing::kReading : Showing::kClosed, uint64_t{1} << 30, {}};
    SuspectEvidence evidence = Empty(options, scenario["special"][0]);
    for (const StoredUnit& unit : units) REQUIRE(evidence.AddUnit(unit.ordinal, unit.View()));
    SuspectEvidence backwards = Empty(options, scenario["special"][0]);
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) REQUIRE(backwards.AddUnit(unit->ordinal, unit->View()));
    SuspectEvidence merged = Empty(options, scenario["special"][0]);
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      SuspectEvidence part = Empty(options, scenario["special"][0]);
      REQUIRE(part.AddUnit(unit->ordinal, unit->View()));
      merged.Merge(part);
    }
    CHECK(Rows(evidence, false) == scenario["rows"]);
    CHECK(Rows(backwards, false) == scenario["rows"]);
    CHECK(Rows(merged, false) == scenario["rows"]);

    nlohmann::json windows = nlohmann::json::array(), blocked = nlohmann::json::array();
    std::map<std::vector<uint32_t>, size_t> sorted;
    for (size_t w = 0; w < evidence.windows(); ++w) sorted[std::vector<uint32_t>(evidence.window(w), evidence.window(w) + options.window)] = w;
    for (const auto& [ids, w] : sorted) {
      const FirstPlace first = evidence.first(w);
      if (first.position != ~uint32_t{0}) windows.push_back({ids, {first.unit, first.position}, evidence.positions(w)});
      if (evidence.in_prompt(w)) blocked.push_back(ids);
    }
    CHECK(windows == scenario["windows"]);
    if (strict) CHECK(blocked == scenario["blocked"]);

    const auto& wanted = scenario["coefficients"];
    std::map<std::pair<std::vector<uint32_t>, uint32_t>, size_t> row_of;
    for (size_t r = 0; r < evidence.rows(); ++r) {
      const uint32_t* w = evidence.window(evidence.window_of(r));
      row_of[{std::vector<uint32_t>(w, w + options.window), evidence.id(r)}] = r;
    }
    for (const auto& [name, integers] : wanted["integers"].items()) {
      const size_t comma = name.find(", reference ");
      if (name == "count") continue;  // no test uses counts as they are
      CAPTURE(name);
      CoefficientOptions choice;
      choice.strict = strict;
      if (comma != std::string::npos) choice.references = std::vector<size_t>{std::stoul(name.substr(comma + 12)) - 1};
      const auto made = MakeCoefficients(evidence, *FindRule(name.substr(0, comma)), choice);
      REQUIRE(made);
      std::vector<int32_t> got;
      for (const auto& at : wanted["of"]) got.push_back(made->values[row_of.at({at[0].get<std::vector<uint32_t>>(), at[1].get<uint32_t>()})]);
      CHECK(got == integers.get<std::vector<int32_t>>());
      if (wanted["weights"].contains(name)) CHECK(made->weights == wanted["weights"][name].get<std::vector<int32_t>>());
    }
    if (scenario.contains("self_reference")) {
      // Of the rows that were answered, prompts excluded: as if the windows of prompts had never been there.
      SuspectEvidence kept = Empty(options, scenario["special"][0]);
      for (const StoredUnit& unit : units) REQUIRE(kept.AddUnit(unit.ordinal, unit.View()));
      CoefficientOptions choice;
      choice.strict = true;
      choice.references = std::vector<size_t>{};
      choice.self_reference = true;
      CHECK(MakeCoefficients(kept, CoefficientRule::kResidual, choice));
    }
  }
}

TEST_CASE("the k best, and beyond them only what the suspect sampled itself") {
  for (const auto& row : SuspectVectors()["top_k"]) {
    std::vector<std::pair<uint32_t, double>> entries;
    for (const auto& entry : row["entries"]) entries.emplace_back(entry[0], entry[1]);
    std::optional<uint32_t> sampled;
    if (row["own_sample"].get<bool>()) sampled = row["actual"].get<uint32_t>();
    auto kept = KeepTopK(entries, row["k"], sampled);
    std::sort(kept.begin(), kept.end(), [](const ListEntry& a, const ListEntry& b) { return a.id < b.id; });
    nlohmann::json got = nlohmann::json::array();
    for (const ListEntry& entry : kept) got.push_back({entry.id, entry.probability});
    CHECK(got == row["kept"]);
  }
}

TEST_CASE("sample hashes meet the vectors, through which windows stay") {
  // The first windows of the filters' vectors: kept while their number is below 2^64 / 2^halvings.
  for (const auto& row : SuspectVectors()["filters"]["sample"]) {
    const std::string message = row["message"];
    const auto hash = row["hash"].get<uint64_t>();
    std::vector<uint32_t> ids;
    for (size_t i = 8; i < message.size(); i += 8) ids.push_back(static_cast<uint32_t>(std::stoul(message.substr(i, 8), nullptr, 16)));
    SuspectEvidence::Options options{ids.size(), 0, Showing::kClosed, 0, {}};
    // A budget of nothing halves until nothing is left; one row's worth keeps halving exactly while this window passes.
    options.memory_bytes = SuspectEvidence::kRowBytes;
    SuspectEvidence evidence = Empty(options, 1 << 19);
    std::vector<uint32_t> output = ids;
    output.push_back(7);
    const SuspectRecord record{{}, output, nullptr, {}};
    REQUIRE(evidence.AddUnit(0, {&record, 1}));
    CHECK(evidence.share() == 1);
    std::mt19937_64 random(1);
    std::vector<uint32_t> more(ids);
    while (evidence.share() > 0x1p-6) {
      const uint32_t other[] = {static_cast<uint32_t>(random() % 100000), static_cast<uint32_t>(random() % 100000), 9};
      const SuspectRecord next{{}, other, nullptr, {}};
      static uint64_t ordinal = 1;
      REQUIRE(evidence.AddUnit(ordinal++, {&next, 1}));
      bool there = false;
      for (size_t w = 0; w < evidence.windows(); ++w) there = there || std::equal(ids.begin(), ids.end(), evidence.window(w));
      CHECK(there == (static_cast<double>(hash) < 0x1p64 * evidence.share()));
    }
  }
}

namespace {

std::vector<StoredUnit> RandomUnits(size_t count, Showing showing, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<StoredUnit> units;
  for (size_t u = 0; u < count; ++u) {
    StoredUnit unit{u, {}};
    for (int i = 0; i < 3; ++i) {
      StoredRecord record;
      record.has_lists = showing == Showing::kReading || u % 2 == 0;
      record.references.resize(2);
      for (int t = 0; t < 4; ++t) record.prompt.push_back(random() % 9);
      for (int t = 0; t < 40; ++t) {
        record.output.push_back(random() % 9);
        const auto list = [&](size_t most) {
          std::vector<ListEntry> entries;
          for (size_t e = random() % most; e > 0; --e) entries.push_back({static_cast<uint32_t>(random() % 9), random() % (kProbabilityOne / 4)});
          return entries;
        };
        record.suspect.Add(list(6));
        record.references[0].Add(list(6));
        record.references[1].Add(list(6));
      }
      unit.records.push_back(std::move(record));
    }
    units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace

// S4: how the records are divided, in what order units come and how many threads there are changes nothing, also where
// memory runs out.
TEST_CASE("rows do not depend on the split") {
  for (const Showing showing : {Showing::kClosed, Showing::kReading}) {
    for (const uint64_t rows_allowed : {uint64_t{1} << 20, uint64_t{150}}) {
      const auto units = RandomUnits(100, showing, 5);
      const SuspectEvidence::Options options{2, 2, showing, rows_allowed * SuspectEvidence::kRowBytes, {{1, 2, 3}}};
      SuspectEvidence whole = Empty(options, 0);
      for (const StoredUnit& unit : units) REQUIRE(whole.AddUnit(unit.ordinal, unit.View()));
      CHECK((whole.share() < 1) == (rows_allowed == 150));
      CHECK(whole.rows() > 20);
      const auto want = Rows(whole, false);
      const auto difference = MakeCoefficients(whole, CoefficientRule::kDifference, {});
      REQUIRE(difference);
      for (const size_t parts : {1, 2, 7, 100}) {
        std::vector<size_t> order(units.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::mt19937_64 random(parts);
        std::shuffle(order.begin(), order.end(), random);
        std::vector<SuspectEvidence> pieces(parts, Empty(options, 0));
        std::vector<std::thread> threads;
        for (size_t p = 0; p < parts; ++p) {
          threads.emplace_back([&, p] {
            for (size_t i = p; i < order.size(); i += parts) (void)pieces[p].AddUnit(units[order[i]].ordinal, units[order[i]].View());
          });
        }
        for (std::thread& thread : threads) thread.join();
        SuspectEvidence merged = Empty(options, 0);
        for (const SuspectEvidence& piece : pieces) merged.Merge(piece);
        CHECK(Rows(merged, false) == want);
        CHECK(merged.share() == whole.share());
        const auto again = MakeCoefficients(merged, CoefficientRule::kDifference, {});
        REQUIRE(again);
        CHECK(again->weights == difference->weights);
      }
    }
  }
}

TEST_CASE("what cannot be a record is refused, and nothing of the unit stays") {
  SuspectEvidence evidence = Empty({}, 0);
  const std::vector<uint32_t> good = {1, 2, 3, 4}, bad = {1, 2, 1u << 24};
  const SuspectRecord records[] = {{{}, good, nullptr, {}}, {{}, bad, nullptr, {}}};
  CHECK(evidence.AddUnit(0, records).error().kind == ErrorKind::kInvalidArgument);
  CHECK(evidence.rows() == 0);
  Lists lists;
  for (int t = 0; t < 4; ++t) lists.Add(std::vector<ListEntry>{{3, kProbabilityOne + 1}});
  const SuspectRecord listed{{}, good, &lists, {}};
  CHECK(evidence.AddUnit(0, {&listed, 1}).error().kind == ErrorKind::kInvalidArgument);
}

TEST_CASE("probabilities in fixed point") {
  CHECK(FixedProbability(0) == kProbabilityOne);
  CHECK(FixedProbability(5) == kProbabilityOne);
  CHECK(FixedProbability(-9999) == 0);
  CHECK(FixedProbability(-HUGE_VAL) == 0);
  CHECK(FixedProbability(std::log(0.5)) == kProbabilityOne / 2);
}
