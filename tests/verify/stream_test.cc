// The stream against the judgement of the whole text, and against a set that forgets nothing.
#include "verify/stream.h"

#include <map>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "tests/watermark/testing.h"
#include "verify/evidence.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;
using namespace verdigris::verify;

namespace {

std::vector<uint32_t> RandomIds(size_t n, uint32_t distinct, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint32_t> ids(n);
  for (uint32_t& id : ids) id = static_cast<uint32_t>(random() % distinct);
  return ids;
}

}  // namespace

TEST_CASE("a stream scores what the judgement of the whole text scores, special ids and repeats included") {
  for (const int window : {1, 2, 4}) {
    const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), 60, kFullShare, window));
    for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
      CAPTURE(window);
      const auto ids = RandomIds(5000, 70, 1);  // 0 to 2 are special, and so are those above the vocabulary
      std::vector<PositionState> states;
      ClassifyPositions(ids, profile.window(), profile.special_ids(), rule, states);
      Evidence evidence(profile.window());
      std::vector<size_t> rows;
      evidence.AddText(ids, states, 0, &rows);
      TokenStream stream(profile, rule);
      for (size_t t = 0; t < ids.size(); ++t) {
        const bool scored = stream.Push(ids[t]);
        REQUIRE(scored == (rows[t] != Evidence::kNone));
        if (scored) REQUIRE(std::equal(stream.window(), stream.window() + window, ids.data() + t - static_cast<size_t>(window)));
      }
      CHECK(stream.counts().scored == evidence.size());
      CHECK(stream.counts().left_out == 0);
    }
  }
}

TEST_CASE("a stream in little memory scores no tuple twice, and goes on scoring") {
  const Profile profile = *MakeProfile(SchemeObject(*FindScheme("green"), 4000));
  for (const Rule rule : {Rule::kFirst, Rule::kTuple}) {
    TokenStream stream(profile, rule, 256);
    std::map<std::vector<uint32_t>, int> scored;
    const auto ids = RandomIds(200'000, 300, 2);  // windows come back twice on average
    size_t late = 0;
    for (size_t t = 0; t < ids.size(); ++t) {
      if (!stream.Push(ids[t])) continue;
      std::vector<uint32_t> key(stream.window(), stream.window() + 2);
      if (rule == Rule::kTuple) key.push_back(ids[t]);
      REQUIRE(++scored[key] == 1);
      late += t > 2000;
    }
    const auto& counts = stream.counts();
    CHECK(counts.tokens == counts.short_ + counts.special + counts.repeated + counts.scored + counts.left_out);
    CHECK(counts.left_out > ids.size() / 2);
    CHECK(late > 100);
  }
}
