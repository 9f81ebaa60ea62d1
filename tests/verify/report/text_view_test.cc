#include "verify/report/text_view.h"

#include <doctest/doctest.h>

#include <string>

namespace verdigris::verify {
namespace {

using Kind = TokenState::Kind;

TEST_CASE("text view: pieces make up the document, each byte once, whatever tokens overlap or leave out") {
  const std::string document = "abcdefghij";
  // A gap before the first and behind the last, an empty token, two over the same bytes.
  const std::vector<Token> tokens = {{1, 1, 3}, {2, 3, 3}, {3, 2, 5}, {4, 6, 7}};
  std::string all;
  std::vector<std::pair<std::string, size_t>> pieces;
  ForEachPiece(document, tokens, 0, tokens.size(), [&](std::string_view text, size_t token) {
    all += text;
    pieces.emplace_back(text, token);
  });
  CHECK(all == document);
  const std::vector<std::pair<std::string, size_t>> expected = {{"a", kNoToken}, {"bc", 0}, {"", 1}, {"de", 2}, {"f", kNoToken}, {"g", 3}, {"hij", kNoToken}};
  CHECK(pieces == expected);

  all.clear();
  ForEachPiece(document, tokens, 2, 3, [&](std::string_view text, size_t) { all += text; });
  CHECK(all == "cde");
  all.clear();
  ForEachPiece(document, {}, 0, 0, [&](std::string_view text, size_t) { all += text; });
  CHECK(all == document);
}

TEST_CASE("text view: a trajectory keeps the highest of each column, and the token at which the level is reached") {
  std::vector<TokenState> states(10, {Kind::kScored, Layer::kProvider, 1, -1});
  states[4].log10_e = 7;
  states[8].log10_e = 3;
  const Trajectory trajectory = TrajectoryOf(states, 1e-6, 5);
  CHECK(trajectory.height == std::vector<double>{0, 0, 7, 0, 3});
  CHECK(trajectory.highest == 7);
  CHECK(trajectory.level == doctest::Approx(6));
  CHECK(trajectory.reached == 4);
  CHECK(TrajectoryOf(states, 1e-8, 100).height.size() == 10);
  CHECK_FALSE(TrajectoryOf(states, 1e-8, 100).reached);
}

TEST_CASE("text view: nothing scored, no trajectory") {
  const std::vector<TokenState> states(3, {Kind::kShort, Layer::kNone, 0, 0});
  CHECK(TrajectoryOf(states, 1e-6, 5).height.empty());
  CHECK(TrajectoryOf({}, 1e-6, 5).height.empty());
}

TEST_CASE("text view: a hit is a score above the mean of the null law") {
  const NullLaw law = NullLaw::Bernoulli(1, 4);
  CHECK(ClassOf({Kind::kScored, Layer::kProvider, 1, 0}, law) == TokenClass::kHit);
  CHECK(ClassOf({Kind::kScored, Layer::kProvider, 0, 0}, law) == TokenClass::kMiss);
  CHECK(ClassOf({Kind::kDuplicate, Layer::kProvider, 1, 0}, law) == TokenClass::kNotScored);
}

}  // namespace
}  // namespace verdigris::verify
