// Evidence against a plain map, and its merge under every order.
#include "verify/evidence.h"

#include <map>
#include <random>

#include <doctest/doctest.h>

using namespace verdigris;
using namespace verdigris::verify;

namespace {

using Tuple = std::vector<uint32_t>;
struct Counted {
  uint64_t occurrences = 0;
  Place first{};
};

std::map<Tuple, Counted> ByDefinition(const std::vector<std::vector<uint32_t>>& texts, size_t h, const SpecialIds& special) {
  std::map<Tuple, Counted> rows;
  for (size_t record = 0; record < texts.size(); ++record) {
    for (size_t t = h; t < texts[record].size(); ++t) {
      const Tuple tuple(texts[record].begin() + static_cast<ptrdiff_t>(t - h), texts[record].begin() + static_cast<ptrdiff_t>(t + 1));
      if (special.ContainsAny(tuple.data(), tuple.size())) continue;
      auto& row = rows[tuple];
      if (row.occurrences++ == 0) row.first = {record, static_cast<uint32_t>(t)};
    }
  }
  return rows;
}

std::map<Tuple, Counted> Read(const Evidence& evidence) {
  std::map<Tuple, Counted> rows;
  for (size_t i = 0; i < evidence.size(); ++i) {
    const uint32_t* key = evidence.window_of(i);
    auto& row = rows[Tuple(key, key + evidence.window() + 1)];
    CHECK(row.occurrences == 0);
    row = {evidence.occurrences(i), evidence.first_place(i)};
  }
  return rows;
}

bool Same(const std::map<Tuple, Counted>& a, const std::map<Tuple, Counted>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.first == y.first && x.second.occurrences == y.second.occurrences && x.second.first == y.second.first;
         });
}

}  // namespace

TEST_CASE("rows are the distinct eligible tuples, with their occurrences and first place, whatever way units were merged") {
  const IdRange range{0, 0};
  const SpecialIds special({&range, 1}, 12);
  for (const size_t h : {1, 2, 3, 8}) {
    std::mt19937_64 random(7 + h);
    std::vector<std::vector<uint32_t>> texts(9);
    for (auto& text : texts) {
      text.resize(random() % 300);
      for (uint32_t& id : text) id = static_cast<uint32_t>(random() % 13);  // 12 is above the vocabulary
    }
    const auto expected = ByDefinition(texts, h, special);
    const auto unit = [&](size_t from, size_t to) {
      Evidence evidence(h);
      std::vector<PositionState> states;
      for (size_t record = from; record < to; ++record) {
        ClassifyPositions(texts[record], h, special, Rule::kTuple, states);
        evidence.AddText(texts[record], states, record, nullptr);
      }
      return evidence;
    };
    CHECK(Same(Read(unit(0, texts.size())), expected));
    for (int trial = 0; trial < 20; ++trial) {
      std::vector<size_t> order{0, 1, 2, 3, 4, 5, 6, 7, 8};
      std::shuffle(order.begin(), order.end(), random);
      Evidence merged(h);
      for (const size_t record : order) merged.Merge(unit(record, record + 1));
      CHECK(Same(Read(merged), expected));
      const auto rows = merged.InOrder();
      CHECK(std::is_sorted(rows.begin(), rows.end(), [&](size_t a, size_t b) { return merged.first_place(a) < merged.first_place(b); }));
    }
  }
}

TEST_CASE("positions that founded a row are named, repeats are not") {
  const SpecialIds special({}, 100);
  const std::vector<uint32_t> ids{5, 6, 7, 5, 6, 7};
  std::vector<PositionState> states;
  ClassifyPositions(ids, 2, special, Rule::kTuple, states);
  Evidence evidence(2);
  std::vector<size_t> added;
  evidence.AddText(ids, states, 0, &added);
  CHECK(added == std::vector<size_t>{Evidence::kNone, Evidence::kNone, 0, 1, 2, Evidence::kNone});
  CHECK(evidence.occurrences(0) == 2);
}
