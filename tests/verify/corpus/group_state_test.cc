// States of groups: random families of parts against the whole, by their definition; runs that spill; blocks that are damaged.
#include "verify/corpus/group_state.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

struct Occurrence {
  std::string name;
  uint64_t test;
  Fingerprint fingerprint;
  uint32_t ordinal;
};

Fingerprint SmallFingerprint(uint64_t value) {
  // Few values, so that parts overlap; the leading bits vary for the sample's bound.
  Fingerprint out{};
  out[0] = static_cast<uint8_t>(value * 37);
  out[1] = static_cast<uint8_t>(value >> 3);
  out[15] = static_cast<uint8_t>(value);
  return out;
}

uint64_t ScoreOf(const Fingerprint& fingerprint, uint64_t test) { return fingerprint[15] * 7 + test; }

using GroupKey = std::pair<std::string, uint64_t>;
struct Expected {
  std::vector<GroupRow> rows;
  bool full = false;
};

// The state by its definition: all distinct fingerprints below the bound, cut to keep.
std::map<GroupKey, Expected> ByDefinition(const std::vector<std::pair<Digest, std::vector<Occurrence>>>& units, const RunGroup& group, bool first_seen) {
  std::map<GroupKey, std::map<Fingerprint, GroupRow>> rows;
  for (const auto& [unit, occurrences] : units) {
    for (const Occurrence& o : occurrences) {
      auto& of_group = rows[{o.name, o.test}];
      bool below = true;
      for (int bit = 0; bit < group.sample_log2; ++bit) below = below && (o.fingerprint[static_cast<size_t>(bit) / 8] >> (7 - bit % 8) & 1) == 0;
      if (!below) continue;
      const FirstPlace place = first_seen ? FirstPlace{unit, o.ordinal, 0} : FirstPlace{};
      auto [at, founded] = of_group.try_emplace(o.fingerprint, GroupRow{o.fingerprint, ScoreOf(o.fingerprint, o.test), 0, place});
      ++at->second.count;
      at->second.first = std::min(at->second.first, place);
    }
  }
  std::map<GroupKey, Expected> out;
  for (const auto& [key, of_group] : rows) {
    Expected& expected = out[key];
    for (const auto& [fingerprint, row] : of_group) {
      if (group.keep != 0 && expected.rows.size() == group.keep) {
        expected.full = true;
        break;
      }
      expected.rows.push_back(row);
    }
  }
  return out;
}

const std::string& Folder() {
  static const std::string folder = std::filesystem::temp_directory_path().string();
  return folder;
}

GroupBlock BlockOf(const Digest& unit, const std::vector<Occurrence>& occurrences, const RunGroup& group, bool first_seen, uint64_t memory) {
  GroupStates states(group, first_seen, unit, Folder(), memory);
  for (const Occurrence& o : occurrences) {
    const auto sample = states.SampleOf(o.name, o.test, o.ordinal, 0);
    REQUIRE(sample);
    if ((*sample)->Takes(o.fingerprint)) (*sample)->Add(o.fingerprint, ScoreOf(o.fingerprint, o.test));
  }
  auto block = states.Finish();
  REQUIRE(block);
  return std::move(*block);
}

GroupInput InputOf(const GroupBlock& block) { return {block.bytes.source(), 0, block.bytes.size(), block.count, "block"}; }

void CheckMerged(const std::vector<GroupBlock>& blocks, const RunGroup& group, bool first_seen, const std::map<GroupKey, Expected>& expected) {
  std::vector<GroupInput> inputs;
  for (const GroupBlock& block : blocks) inputs.push_back(InputOf(block));
  auto at = expected.begin();
  std::vector<GroupRow> rows;
  const auto merged = MergeGroups(
      inputs, group, first_seen, Folder(),
      [&](const GroupHead&, const GroupRow& row) -> Result<void> {
        rows.push_back(row);
        return {};
      },
      [&](const MergedState& state) -> Result<void> {
        REQUIRE(at != expected.end());
        REQUIRE(state.head.name == at->first.first);
        REQUIRE(state.head.test == at->first.second);
        REQUIRE(state.head.full == at->second.full);
        REQUIRE(rows == at->second.rows);
        REQUIRE(state.sums.n == rows.size());
        Statistic sum = 0;
        for (const GroupRow& row : rows) sum += row.score;
        REQUIRE(state.sums.statistic == sum);
        rows.clear();
        ++at;
        return {};
      });
  REQUIRE(merged);
  REQUIRE(at == expected.end());
}

}  // namespace

TEST_CASE("10,000 random families: the merge of parts, in any order, is the state of the whole") {
  std::mt19937_64 random(8);
  const char* const names[] = {"", "a", "b", "b.c", "z"};
  uint64_t full = 0, control_differs = 0, spilled = 0;
  for (int round = 0; round < 10'000; ++round) {
    CAPTURE(round);
    const bool first_seen = round % 5 == 0;
    RunGroup group;
    group.by = "host";
    group.keep = first_seen ? 0 : 1 + random() % 64;
    group.sample_log2 = first_seen ? 0 : static_cast<int>(random() % 3);
    const size_t parts = 1 + random() % 9;
    std::vector<std::pair<Digest, std::vector<Occurrence>>> units(parts);
    for (size_t part = 0; part < parts; ++part) {
      units[part].first = Sha256(AsBytes(std::to_string(round * 16 + static_cast<int>(part))));
      uint32_t ordinal = 0;
      for (size_t i = random() % 60; i > 0; --i) {
        units[part].second.push_back({names[random() % 5], random() % 2, SmallFingerprint(random() % 100), ordinal += static_cast<uint32_t>(random() % 2)});
      }
    }
    const auto expected = ByDefinition(units, group, first_seen);
    for (const auto& [key, state] : expected) full += state.full;
    std::vector<GroupBlock> blocks;
    for (const auto& [unit, occurrences] : units) {
      const uint64_t memory = random() % 4 == 0 ? 0 : 1 << 20;  // 0: each document a run of its own
      spilled += memory == 0 && occurrences.size() > 1;
      blocks.push_back(BlockOf(unit, occurrences, group, first_seen, memory));
      REQUIRE(CheckGroups(InputOf(blocks.back()), group, first_seen, unit, 2));
    }
    std::shuffle(blocks.begin(), blocks.end(), random);
    CheckMerged(blocks, group, first_seen, expected);

    // Control: the rows met first, not the smallest.
    for (const auto& [key, state] : expected) {
      std::vector<Fingerprint> met;
      for (const auto& [unit, occurrences] : units) {
        for (const Occurrence& o : occurrences) {
          if (GroupKey{o.name, o.test} == key && std::find(met.begin(), met.end(), o.fingerprint) == met.end() && (group.keep == 0 || met.size() < group.keep)) met.push_back(o.fingerprint);
        }
      }
      std::sort(met.begin(), met.end());
      control_differs += group.sample_log2 == 0 && !std::equal(met.begin(), met.end(), state.rows.begin(), state.rows.end(),
                                                               [](const Fingerprint& f, const GroupRow& row) { return f == row.fingerprint; });
    }
  }
  CHECK(full > 1000);
  CHECK(control_differs > 1000);
  CHECK(spilled > 1000);
}

TEST_CASE("more units than are merged at once, by way of sorted runs") {
  std::mt19937_64 random(10);
  for (const bool first_seen : {false, true}) {
    RunGroup group;
    group.by = "host";
    group.keep = first_seen ? 0 : 64;
    std::vector<std::pair<Digest, std::vector<Occurrence>>> units(5000);
    std::vector<GroupBlock> blocks;
    for (size_t i = 0; i < units.size(); ++i) {
      units[i].first = Sha256(AsBytes(std::to_string(i)));
      for (uint32_t ordinal = 0; ordinal < 3; ++ordinal) units[i].second.push_back({random() % 2 == 0 ? "a" : "b", random() % 2, SmallFingerprint(random() % 100), ordinal});
      blocks.push_back(BlockOf(units[i].first, units[i].second, group, first_seen, 1 << 20));
    }
    CheckMerged(blocks, group, first_seen, ByDefinition(units, group, first_seen));
  }
}

TEST_CASE("one tuple with two scores is a mismatch that names the group") {
  RunGroup group;
  group.by = "host";
  const auto block = [&](uint64_t score) {
    GroupStates states(group, false, {}, Folder(), 1 << 20);
    const auto sample = states.SampleOf("example.org", 0, 0, 0);
    (*sample)->Add(SmallFingerprint(1), score);
    return std::move(*states.Finish());
  };
  const GroupBlock a = block(1), b = block(2);
  const auto merged = MergeGroups({InputOf(a), InputOf(b)}, group, false, Folder(), {}, [](const MergedState&) -> Result<void> { return {}; });
  REQUIRE(!merged);
  CHECK(merged.error().kind == ErrorKind::kMismatch);
  CHECK(merged.error().message.find("example.org") != std::string::npos);
}

TEST_CASE("a block that was cut, or any bit of which was flipped, is malformed or another block, never a crash") {
  RunGroup group;
  group.by = "host";
  group.keep = 8;
  std::mt19937_64 random(9);
  std::vector<Occurrence> occurrences;
  for (uint32_t i = 0; i < 40; ++i) occurrences.push_back({i % 2 == 0 ? "a" : "b", i % 3, SmallFingerprint(random() % 30), i});
  const GroupBlock block = BlockOf({}, occurrences, group, false, 1 << 20);
  const auto bytes = block.bytes.source()->Read(0, block.bytes.size());
  REQUIRE(bytes);
  REQUIRE(CheckGroups({MemorySource(*bytes), 0, bytes->size(), block.count, "block"}, group, false, {}, 3));
  CHECK(!CheckGroups({MemorySource(*bytes), 0, bytes->size(), block.count + 1, "block"}, group, false, {}, 3));
  CHECK(!CheckGroups({MemorySource(*bytes), 0, bytes->size(), block.count, "block"}, group, false, {}, 2));
  for (size_t length = 0; length < bytes->size(); ++length) {
    const std::string cut = bytes->substr(0, length);
    CHECK(!CheckGroups({MemorySource(cut), 0, cut.size(), block.count, "block"}, group, false, {}, 3));
  }
  for (size_t bit = 0; bit < 8 * bytes->size(); ++bit) {
    std::string flipped = *bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    const auto checked = CheckGroups({MemorySource(flipped), 0, flipped.size(), block.count, "block"}, group, false, {}, 3);
    if (!checked) CHECK(checked.error().kind == ErrorKind::kMalformed);
  }
}
