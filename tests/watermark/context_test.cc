// Expected positions: native.json `eligibility`. The history is compared with a quadratic reading of native-schemes.md N5.4, a classifier
// with sets of windows and tuples.
#include "watermark/context.h"

#include <random>
#include <set>

#include "tests/watermark/testing.h"

using namespace verdigris;
using namespace verdigris::testing;

namespace {

// N5.4 as it is written: some earlier position (h or later) had this window.
bool RepeatedByDefinition(const std::vector<uint32_t>& ids, size_t position, size_t h) {
  for (size_t earlier = h; earlier < position; ++earlier) {
    if (std::equal(ids.begin() + static_cast<ptrdiff_t>(earlier - h), ids.begin() + static_cast<ptrdiff_t>(earlier),
                   ids.begin() + static_cast<ptrdiff_t>(position - h))) {
      return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("eligible positions are those of the vectors under both rules") {
  const auto file = ReadJsonFile("scheme_green.json");
  REQUIRE(file["eligibility"].size() == 10);
  for (const auto& row : file["eligibility"]) {
    const auto profile = MakeProfile(row["scheme"]);
    REQUIRE(profile.has_value());
    const std::vector<uint32_t> ids = row["ids"];
    for (const auto& [name, rule] : {std::pair{"tuple", Rule::kTuple}, std::pair{"first", Rule::kFirst}}) {
      CAPTURE(name);
      std::vector<PositionState> states;
      ClassifyPositions(ids, profile->window(), profile->special_ids(), rule, states);
      std::vector<uint32_t> eligible;
      for (uint32_t t = 0; t < ids.size(); ++t) {
        if (states[t] == PositionState::kEligible) eligible.push_back(t);
      }
      CHECK(eligible == row[name].get<std::vector<uint32_t>>());
    }
  }
}

TEST_CASE("the history agrees with the definition under random pushes, roll backs and peeks") {
  for (const size_t h : {1, 2, 3, 8}) {
    std::mt19937_64 random(41 + h);
    std::vector<uint32_t> ids;
    History history(h);
    for (int step = 0; step < 400; ++step) {
      const uint64_t choice = random() % 10;
      if (choice < 6) {
        std::vector<uint32_t> more(random() % 7);
        for (auto& id : more) id = static_cast<uint32_t>(random() % (h == 1 ? 40 : 3));
        history.Push(more);
        ids.insert(ids.end(), more.begin(), more.end());
      } else if (choice < 8 && !ids.empty()) {
        ids.resize(random() % (ids.size() + 1));
        history.Truncate(ids.size());
      } else {
        std::vector<uint32_t> draft(random() % 6);
        for (auto& id : draft) id = static_cast<uint32_t>(random() % 3);
        std::vector<uint32_t> windows((draft.size() + 1) * h);
        std::vector<History::NextState> states(draft.size() + 1);
        history.Peek(draft, windows.data(), states.data());
        std::vector<uint32_t> with_draft = ids;
        for (size_t i = 0; i <= draft.size(); ++i) {
          if (i > 0) with_draft.push_back(draft[i - 1]);
          const size_t position = with_draft.size();
          if (position < h) {
            CHECK(states[i] == History::NextState::kShort);
            continue;
          }
          const bool repeated = RepeatedByDefinition(with_draft, position, h);
          CHECK(states[i] == (repeated ? History::NextState::kRepeated : History::NextState::kNew));
          CHECK(std::equal(windows.begin() + static_cast<ptrdiff_t>(i * h), windows.begin() + static_cast<ptrdiff_t>((i + 1) * h),
                           with_draft.end() - static_cast<ptrdiff_t>(h)));
          CHECK(WindowIsRepeated(with_draft, h) == repeated);
        }
      }
      REQUIRE(history.length() == ids.size());
      REQUIRE(std::equal(ids.begin(), ids.end(), history.ids().begin()));
    }
  }
}

TEST_CASE("ids from 2^24 on are refused with their place; ids between V and 2^24 are special") {
  const std::vector<uint32_t> bad{1, 2, 0xFFFFFFFF};
  REQUIRE(!CheckIds(bad).has_value());
  CHECK(CheckIds(bad).error().message == "output id 4294967295 at 2");
  CHECK(CheckIds(std::vector<uint32_t>{kIdLimit - 1}).has_value());
  const IdRange range{3, 5};
  const SpecialIds special({&range, 1}, 100);
  for (const uint32_t id : {3u, 4u, 5u, 100u, kIdLimit - 1}) CHECK(special.Contains(id));
  for (const uint32_t id : {0u, 2u, 6u, 99u}) CHECK(!special.Contains(id));
}

TEST_CASE("one classifier over texts of any length, with few, many and no special ids, is the definition") {
  std::mt19937 random(5);
  PositionClassifier classifier;
  const SpecialIds special_sets[] = {{{}, 4000}, {std::vector<IdRange>{{3, 5}}, 3990}, {std::vector<IdRange>{{1, 1}, {3, 3}, {5, 5}, {7, 7}, {9, 12}}, 4000}};
  for (const SpecialIds& special : special_sets) {
    for (uint32_t id = 0; id < 4100; ++id) REQUIRE(special.ContainsAnyOf({&id, 1}) == special.Contains(id));
  }
  for (const size_t size : {900u, 65535u, 65536u, 3u, 900u}) {
    for (const SpecialIds& special : special_sets) {
      for (const uint32_t least : {0u, 20u}) {  // with and without special ids in the text
        std::vector<uint32_t> ids(size);
        for (uint32_t& id : ids) id = least + random() % (random() % 2 ? 40 : 3960);
        for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
          const size_t h = 2;
          std::set<std::vector<uint32_t>> windows, tuples;
          std::vector<PositionState> expected(size, PositionState::kShort);
          std::vector<uint32_t> expected_positions;
          for (size_t t = h; t < size; ++t) {
            const std::vector<uint32_t> window(&ids[t - h], &ids[t]), tuple(&ids[t - h], &ids[t] + 1);
            const bool first = windows.insert(window).second || rule == Rule::kTuple;
            expected[t] = special.ContainsAny(tuple.data(), tuple.size()) ? PositionState::kSpecial
                          : first                                         ? PositionState::kEligible
                                                                          : PositionState::kRepeated;
            if (expected[t] == PositionState::kEligible && tuples.insert(tuple).second) expected_positions.push_back(static_cast<uint32_t>(t));
          }
          std::vector<PositionState> states;
          std::vector<uint32_t> positions;
          classifier.Classify(ids, h, special, rule, states);
          CHECK(states == expected);
          classifier.FirstOfEachTuple(ids, h, rule, states, positions);
          CHECK(positions == expected_positions);
        }
      }
    }
  }
}
