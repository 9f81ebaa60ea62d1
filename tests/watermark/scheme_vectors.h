// What the tests of several schemes share: one row marked without a Marker, and the parts of a vector file that have the
// same form for every scheme.
#pragma once

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

namespace verdigris::testing {

// Marks `ln` in place; `ids` empty: index is id.
template <class Real>
Masses MarkValues(const Profile& profile, const Prf& prf, const Tag& tag, std::vector<Real>& ln, const std::vector<uint32_t>& ids = {}) {
  Workspace workspace;
  const uint32_t* list = ids.empty() ? nullptr : ids.data();
  const auto scan = ScanRow(ln.data(), ln.size());
  REQUIRE(scan.has_value());
  std::vector<IdRange> special;
  FindSpecial(profile.special_ids(), list, ln.size(), special);
  const RowView<Real> row{ln.data(), list, ln.size(), scan->max, scan->finite, special};
  Masses masses;
  if constexpr (std::is_same_v<Real, float>) {
    profile.scheme().mark_f32(profile, prf, tag, row, workspace, &masses);
  } else {
    profile.scheme().mark_f64(profile, prf, tag, row, workspace, &masses);
  }
  return masses;
}

// `marks`: P becomes Q to 1e-9, as a list in either order, as a whole row, and in binary32 as well as that can say it.
inline void CheckMarks(const nlohmann::json& marks) {
  for (const auto& row : marks) {
    const auto profile = MakeProfile(row["scheme"]);
    REQUIRE(profile.has_value());
    const auto prf = Prf::Create(KeyFromHex(row["layer_key"]));
    const std::vector<uint32_t> window = row["window"];
    CAPTURE(window);
    const Tag tag = prf->mac().TagOf(window.data(), window.size());
    std::vector<uint32_t> ids = row["ids"];
    std::vector<double> p, q;
    for (const std::string text : row["P"]) p.push_back(std::stod(text));
    for (const std::string text : row["Q"]) q.push_back(std::stod(text));
    for (int order = 0; order < 2; ++order) {
      std::reverse(ids.begin(), ids.end());
      std::reverse(p.begin(), p.end());
      std::reverse(q.begin(), q.end());
      std::vector<double> ln;
      for (const double x : p) ln.push_back(std::log(x) + 3);  // a constant in the logits changes nothing
      std::vector<float> ln_f32(ln.begin(), ln.end());
      MarkValues(*profile, *prf, tag, ln, ids);
      MarkValues(*profile, *prf, tag, ln_f32, ids);
      for (size_t i = 0; i < ids.size(); ++i) {
        CAPTURE(ids[i]);
        CHECK(std::fabs(std::exp(ln[i]) - q[i]) <= 1e-9);
        CHECK(std::fabs(std::exp(static_cast<double>(ln_f32[i])) - q[i]) <= 5e-6);
      }
    }
    std::vector<double> whole(*std::max_element(ids.begin(), ids.end()) + 1, -std::numeric_limits<double>::infinity());
    for (size_t i = 0; i < ids.size(); ++i) whole[ids[i]] = std::log(p[i]);
    MarkValues(*profile, *prf, tag, whole);
    double total = 0;
    for (size_t i = 0; i < ids.size(); ++i) CHECK(std::fabs(std::exp(whole[ids[i]]) - q[i]) <= 1e-9);
    for (const double x : whole) total += std::exp(x);
    CHECK(std::fabs(total - 1) <= 1e-12);
  }
}

// `scored`: number of tuples and sum of their scores for each layer, rule and key, a wrong account included.
inline void CheckScored(const nlohmann::json& scored) {
  for (const auto& c : scored) {
    const auto profile = *MakeProfile(c["scheme"]);
    const size_t h = profile.window();
    for (const auto& test : c["tests"]) {
      CAPTURE(test.dump());
      const Layer layer = test["layer"] == "provider" ? Layer::kProvider : Layer::kAccount;
      const bool account = layer == Layer::kAccount;
      const KeyFile keys[] = {
          LayerKeyFile(profile, KeyRole::kSelector, KeyFromHex(c["keys"]["selector"])),
          LayerKeyFile(profile, account ? KeyRole::kAccount : KeyRole::kProvider,
                       KeyFromHex(c["keys"][test["key"].get<std::string>()]), account ? "a" : "")};
      const KeyFile* pointers[] = {&keys[0], &keys[1]};
      const auto layers = *Layers::Create(profile, pointers);
      std::set<std::vector<uint32_t>> tuples;
      for (const std::vector<uint32_t> ids : c["records"]) {
        std::vector<PositionState> states;
        ClassifyPositions(ids, h, profile.special_ids(), test["rule"] == "first" ? Rule::kFirst : Rule::kTuple, states);
        for (size_t t = h; t < ids.size(); ++t) {
          if (states[t] == PositionState::kEligible) tuples.emplace(ids.begin() + static_cast<ptrdiff_t>(t - h), ids.begin() + static_cast<ptrdiff_t>(t + 1));
        }
      }
      std::vector<const uint32_t*> windows;
      std::vector<uint32_t> ids;
      for (const auto& tuple : tuples) {
        const uint32_t* window = tuple.data();
        Layer of{};
        layers.Assign(profile, &window, 1, &of);
        if (of != layer) continue;
        windows.push_back(window);
        ids.push_back(tuple.back());
      }
      std::vector<uint64_t> scores(ids.size());
      layers.Score(profile, layer, windows.data(), ids.data(), ids.size(), scores.data());
      uint64_t statistic = 0;
      for (const uint64_t score : scores) statistic += score;
      CHECK(ids.size() == test["n"]);
      CHECK(statistic == test["statistic"]);
    }
  }
}

// Profile of a scheme with a scheme parameter of its own, for windows as long as a vector's.
inline Profile ProfileWith(std::string_view scheme, const std::string& param, int64_t value, size_t window) {
  auto object = SchemeObject(*FindScheme(scheme), 1 << 24, kFullShare, static_cast<int>(window));
  if (!param.empty()) object[param] = value;
  return *MakeProfile(object);
}

// Scores of a row of `words` through the scheme.
inline std::vector<uint64_t> ScoresOf(const Profile& profile, const nlohmann::json& row) {
  const auto prf = *Prf::Create(KeyFromHex(row["layer_key"]));
  const std::vector<uint32_t> window = row["window"], ids = row["tokens"];
  const std::vector<Tag> tags(ids.size(), prf.mac().TagOf(window.data(), window.size()));
  std::vector<uint64_t> scores(ids.size());
  profile.scheme().score(profile, prf, tags, ids, scores.data());
  return scores;
}

}  // namespace verdigris::testing
