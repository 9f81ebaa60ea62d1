// Expected layers: native.json `selectors`, the boundary share included.
#include "watermark/layers.h"

#include "tests/watermark/testing.h"
#include "watermark/schemes.h"

using namespace verdigris;
using namespace verdigris::testing;

TEST_CASE("windows belong to the layers of the vectors under every share") {
  const auto file = ReadJsonFile("native_common.json");
  REQUIRE(file["selectors"].size() == 32);
  for (const auto& row : file["selectors"]) {
    const std::vector<uint32_t> window = row["window"];
    for (const auto& [share, expected] : row["layer_by_share"].items()) {
      CAPTURE(share);
      const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 1000, std::stoi(share), static_cast<int>(window.size())));
      const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, KeyFromHex(row["selector_key"]));
      const KeyFile* pointer = &selector;
      const auto layers = *Layers::Create(profile, {&pointer, 1});
      CHECK(layers.has_selector() == profile.needs_selector());
      const std::vector<const uint32_t*> windows(300, window.data());  // more than one batch
      std::vector<Layer> assigned(windows.size());
      layers.Assign(profile, windows.data(), windows.size(), assigned.data());
      for (const Layer layer : assigned) CHECK(LayerName(layer) == expected.get<std::string>());
    }
  }
}

TEST_CASE("another account keeps the provider and selector key, and each layer its own scores") {
  const auto profile = *MakeProfile(SchemeObject(*FindScheme("green"), 1000, 128));
  const KeyFile provider = LayerKeyFile(profile, KeyRole::kProvider, TestKey("layers_test", 0));
  const KeyFile selector = LayerKeyFile(profile, KeyRole::kSelector, TestKey("layers_test", 1));
  const KeyFile first = LayerKeyFile(profile, KeyRole::kAccount, TestKey("layers_test", 2), "a");
  const KeyFile second = LayerKeyFile(profile, KeyRole::kAccount, TestKey("layers_test", 3), "b");
  const KeyFile* keys[] = {&provider, &selector, &first};
  const auto layers = *Layers::Create(profile, keys);
  const auto other = *layers.WithAccount(profile, second);
  CHECK(other.kid(Layer::kProvider) == layers.kid(Layer::kProvider));
  CHECK(other.selector_kid() == layers.selector_kid());
  CHECK(other.account_label() == "b");
  std::vector<uint32_t> ids;
  for (uint32_t i = 0; i < 600; ++i) ids.push_back(3 + i);
  std::vector<const uint32_t*> windows;
  for (size_t i = 0; i + 2 < ids.size(); ++i) windows.push_back(&ids[i]);
  std::vector<uint64_t> a(windows.size()), b(windows.size()), p(windows.size());
  layers.Score(profile, Layer::kAccount, windows.data(), &ids[2], windows.size(), a.data());
  other.Score(profile, Layer::kAccount, windows.data(), &ids[2], windows.size(), b.data());
  other.Score(profile, Layer::kProvider, windows.data(), &ids[2], windows.size(), p.data());
  CHECK(a != b);
  CHECK(b != p);
}
